#define _GNU_SOURCE
#include "DynamicLoading.h"

#include <dlfcn.h>
#include <stddef.h>

void *openDynamicLibrary(const char *path) { return dlopen(path, RTLD_NOW | RTLD_LOCAL); }

void *findDynamicSymbol(void *library, const char *name) { return dlsym(library, name); }

const char *fileOfDynamicSymbol(const void *address) {
    Dl_info info;
    return dladdr(address, &info) != 0 ? info.dli_fname : NULL;
}

const char *dynamicLibraryError(void) {
    const char *text = dlerror();
    return text != NULL ? text : "no reason given";
}
