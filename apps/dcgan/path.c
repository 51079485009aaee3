// SPDX-License-Identifier: MIT
// Joining and quoting of paths.
#include "apps/dcgan/path.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

char *path_join(const char *folder, const char *name, char text[PATH_MAX]) {
    size_t length = strnlen(folder, PATH_MAX - 1);
    memcpy(text, folder, length);
    while (length > 0 && text[length - 1] == '/') length--;
    snprintf(text + length, PATH_MAX - length, "/%s", name);
    return text;
}

bool path_is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

char *path_quote(const char *path, char text[PATH_SHELL]) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-+=:,@%";
    const bool bare = path[strspn(path, plain)] == '\0';
    char *out = bare ? text : stpcpy(text, "'");
    if (*path == '-') out = stpcpy(out, "./");
    if (bare) {
        strcpy(out, path);
        return text;
    }
    for (; *path; path++) {
        if (*path == '\'')
            out = stpcpy(out, "'\\''");
        else
            *out++ = *path;
    }
    strcpy(out, "'");
    return text;
}
