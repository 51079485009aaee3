// SPDX-License-Identifier: MIT
// Reading the name of an output.
#include "apps/dcgan/destination.h"

#include <string.h>
#include <strings.h>

#include "apps/dcgan/run_dir.h"

// Of pictures, so that nobody means a folder by them.
static const char *const foreign[] = {"jpg", "jpeg", "gif", "bmp", "tif", "tiff", "webp", "svg",
                                      "pdf", "ppm",  "pgm", "pnm", "ico", "heic", "avif"};

static bool is_foreign(const char *extension) {
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (strcasecmp(extension, foreign[i]) == 0) return true;
    }
    return false;
}

bool destination_read(destination *d, const char *path, ag_error *error) {
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
    const char *extension = dot ? dot + 1 : "";
    const bool png = strcasecmp(extension, "png") == 0;
    if (strcmp(path, "-") == 0 || (png && dot == name) || is_foreign(extension))
        return ag_fail(error, AG_STATUS_USAGE,
                       "--output %s: it must be FILE.png, as pictures are PNG files, or a folder", path);
    *d = (destination){path, png};
    const char *mark = png ? NULL : run_dir_mark(path);
    return !mark ||
           ag_fail(error, AG_STATUS_USAGE,
                   "--output %s: this folder is a run's, as it holds %s; pictures need FILE.png or a "
                   "folder of their own",
                   path, mark);
}
