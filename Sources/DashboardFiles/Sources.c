#include "DashboardFiles.h"

// #embed is younger than the standard this package is written in.
#pragma clang diagnostic ignored "-Wc23-extensions"

// Scripts in the order in which they need each other.
static const DashboardFile files[] = {
#define PATH "web/style.css"
#include "Embed.h"
#define PATH "web/body.html"
#include "Embed.h"
#define PATH "web/text.js"
#include "Embed.h"
#define PATH "web/history.js"
#include "Embed.h"
#define PATH "web/colors.js"
#include "Embed.h"
#define PATH "web/strips.js"
#include "Embed.h"
#define PATH "web/figures.js"
#include "Embed.h"
#define PATH "web/runner.js"
#include "Embed.h"
#define PATH "web/adapters.js"
#include "Embed.h"
#define PATH "web/events.js"
#include "Embed.h"
#define PATH "web/connection.js"
#include "Embed.h"
#define PATH "web/main.js"
#include "Embed.h"
};

const DashboardFile *const dashboardFiles = files;
const size_t dashboardFileCount = sizeof(files) / sizeof(files[0]);
