// SPDX-License-Identifier: MIT
// dcgan generate: images of numbered latent vectors, as one picture or as a picture each.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/dcgan/command.h"
#include "apps/dcgan/destination.h"
#include "apps/dcgan/drawing.h"
#include "apps/dcgan/seed_list.h"
#include "apps/dcgan/text.h"
#include "apps/dcgan/use.h"

#define GAP 2  // pixels between the images of a grid
#define GRID_SIDE 1000

typedef struct request {
    seed_list list;
    nn_grid layout;
    destination to;
} request;

static bool read_grid(const char *text, nn_grid *grid, ag_error *error) {
    int rows, cols, end = 0;
    // The digits alone: what sscanf skips or takes besides is no part of a number.
    if (text[strspn(text, "0123456789x")] || sscanf(text, "%4dx%4d%n", &rows, &cols, &end) != 2 ||
        text[end] || rows < 1 || cols < 1 || rows > GRID_SIDE || cols > GRID_SIDE)
        return ag_fail(error, AG_STATUS_USAGE,
                       "--grid %s: it must be rows x columns, each from 1 to %d, as 8x8", text, GRID_SIDE);
    *grid = (nn_grid){rows, cols, GAP};
    return true;
}

static bool read_seeds(const options *o, const nn_grid *grid, seed_list *list, ag_error *error) {
    const bool counted = options_given(o, OPTION_COUNT_IMAGES);
    const char *seeds = options_text(o, OPTION_SEEDS);
    if (seeds && counted)
        return ag_fail(error, AG_STATUS_USAGE, "--seeds and --n both say which images; give one of them");
    if (seeds) return seed_list_parse(list, seeds, error);
    const bool from_grid = options_given(o, OPTION_GRID) && !counted;
    return seed_list_count(
        list, from_grid ? grid->rows * grid->cols : options_integer(o, OPTION_COUNT_IMAGES), error);
}

static nn_grid about_square(int64_t n) {
    const int64_t cols = (int64_t)ceil(sqrt((double)n));
    return (nn_grid){(n + cols - 1) / cols, cols, GAP};
}

static bool read_request(request *r, const options *o, ag_error *error) {
    const char *grid = options_text(o, OPTION_GRID), *path = options_text(o, OPTION_PICTURE);
    char images[TEXT_NUMBER];
    if (!destination_read(&r->to, path, error) || (grid && !read_grid(grid, &r->layout, error))) return false;
    if (grid && !r->to.picture)
        return ag_fail(error, AG_STATUS_USAGE, "--grid needs one picture, but --output %s is no FILE.png",
                       path);
    if (!read_seeds(o, &r->layout, &r->list, error)) return false;
    if (!r->to.picture && !seed_list_check_distinct(&r->list, error)) return false;
    if (!grid) r->layout = about_square(r->list.n);
    const int64_t n = r->list.n, most = r->layout.rows * r->layout.cols;
    return n <= most || ag_fail(error, AG_STATUS_USAGE, "--grid %s: it has no room for %s", grid,
                                text_things(n, "image", images));
}

static exit_code run(const options *o, ag_error *error) {
    request r = {0};
    dcgan *model = read_request(&r, o, error) ? use_model(o, error) : NULL;
    if (model && !drawing_run(model, &r.list, r.layout, &r.to, error)) use_blame_model(o, error);
    dcgan_free(model);
    free(r.list.seeds);
    return EXIT_OK;
}

const command command_generate = {
    .name = "generate",
    .summary = "Draw images with a trained generator",
    .options = (const option_id[]){OPTION_MODEL, OPTION_COUNT_IMAGES, OPTION_SEEDS, OPTION_GRID,
                                   OPTION_PICTURE, OPTION_THREADS, OPTION_END},
    .run = run,
};
