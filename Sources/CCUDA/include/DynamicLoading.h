#pragma once

/// Opens a shared library for ever; null when it cannot, and then `dynamicLibraryError` says why.
void *_Nullable openDynamicLibrary(const char *_Nonnull path);

/// The address of a symbol, or null.
void *_Nullable findDynamicSymbol(void *_Nonnull library, const char *_Nonnull name);

/// The file that an address was loaded from, or null; belongs to the loader.
const char *_Nullable fileOfDynamicSymbol(const void *_Nonnull address);

/// What the last failure on this thread was; valid until the next call.
const char *_Nonnull dynamicLibraryError(void);
