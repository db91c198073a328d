#pragma once

#include <stddef.h>

/// A part of the dashboard's page, as text in this program.
typedef struct {
    /// Its path under this target.
    const char *_Nonnull path;
    /// Ends with a zero.
    const char *_Nonnull text;
} DashboardFile;

extern const DashboardFile *const _Nonnull dashboardFiles;
extern const size_t dashboardFileCount;
