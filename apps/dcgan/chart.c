// SPDX-License-Identifier: MIT
// Drawing of charts; the only file that sees cairo.
#define _GNU_SOURCE  // memmem
#include "apps/dcgan/chart.h"

#include <cairo-svg.h>
#include <cairo.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/file.h"
#include "nn/image.h"

#define WIDTH 840
#define HEIGHT 480
#define LEFT 70
#define RIGHT 30
#define TOP 60
#define BOTTOM 60
#define MOST_DOTS 60  // epochs that get a dot each
#define FEW_DOTS 10   // that get large ones

typedef struct color {
    double r, g, b;
} color;

static const color ink = {0.20, 0.22, 0.25}, faint = {0.87, 0.88, 0.90}, paper = {1, 1, 1},
                   line_colors[CHART_LINES] = {{0.12, 0.37, 0.66}, {0.83, 0.36, 0.10}};

static void use(cairo_t *to, color c) { cairo_set_source_rgb(to, c.r, c.g, c.b); }

static double value(const chart_line *line, int64_t i) {
    return *(const double *)((const char *)line->first + (size_t)i * line->stride);
}

// ---- scales ----

typedef struct scale {
    double low, high, step;  // of the ticks
    double from, to;         // pixels of low and high
} scale;

static double place(const scale *s, double x) {
    return s->from + (x - s->low) / (s->high - s->low) * (s->to - s->from);
}

// 1, 2 or 5 times a power of ten, so that at most `ticks` of them fill the span.
static double nice_step(double span, int ticks) {
    const double power = pow(10, floor(log10(span / ticks))), factor = span / ticks / power;
    return power * (factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 5 ? 5 : 10);
}

// A single epoch stands in the middle.
static scale epochs_scale(const chart *c) {
    const double last = (double)(c->n - 1);
    scale s = {.low = 0, .high = last, .step = 1, .from = LEFT, .to = WIDTH - RIGHT};
    if (c->n == 1)
        s.low = -1, s.high = 1;
    else
        s.step = fmax(1, nice_step(last, 10));
    return s;
}

static scale values_scale(const chart *c) {
    scale s = {.low = c->low, .high = c->high, .from = HEIGHT - BOTTOM, .to = TOP};
    if (s.low == s.high) {
        s.low = s.high = 0;
        for (int k = 0; k < c->n_lines; k++) {
            for (int64_t i = 0; i < c->n; i++) {
                s.low = fmin(s.low, value(&c->lines[k], i));
                s.high = fmax(s.high, value(&c->lines[k], i));
            }
        }
        if (s.low == s.high) s.high = s.low + 1;
    }
    s.step = nice_step(s.high - s.low, 6);
    s.low = floor(s.low / s.step) * s.step;
    s.high = ceil(s.high / s.step) * s.step;
    return s;
}

// ---- drawing ----

static void segment(cairo_t *to, double x0, double y0, double x1, double y1) {
    cairo_move_to(to, x0, y0);
    cairo_line_to(to, x1, y1);
    cairo_stroke(to);
}

// ax, ay: which part of the text lies at x, y: 0 its left or top, 1 its right or bottom.
static void write_text(cairo_t *to, const char *text, double x, double y, double ax, double ay) {
    cairo_text_extents_t size;
    cairo_font_extents_t font;
    cairo_text_extents(to, text, &size);
    cairo_font_extents(to, &font);
    cairo_move_to(to, x - ax * size.x_advance, y + font.ascent - ay * (font.ascent + font.descent));
    cairo_show_text(to, text);
}

static void draw_epoch_axis(cairo_t *to, const scale *x, int64_t n) {
    char text[32];
    for (int i = 0; i * x->step < (double)n; i++) {
        const double at = i * x->step, px = place(x, at);
        snprintf(text, sizeof text, "%.0f", at);
        use(to, ink);
        segment(to, px, HEIGHT - BOTTOM, px, HEIGHT - BOTTOM + 5);
        write_text(to, text, px, HEIGHT - BOTTOM + 8, 0.5, 0);
    }
    segment(to, LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM);
    write_text(to, "epoch", (LEFT + WIDTH - RIGHT) / 2.0, HEIGHT - 10, 0.5, 1);
}

static void draw_value_axis(cairo_t *to, const scale *y) {
    char text[32];
    const int digits = y->step >= 1 ? 0 : (int)ceil(-log10(y->step) - 1e-9);
    const int n = (int)lround((y->high - y->low) / y->step);
    for (int i = 0; i <= n; i++) {
        const double at = y->low + i * y->step, py = place(y, at);
        snprintf(text, sizeof text, "%.*f", digits, at);
        use(to, faint);
        segment(to, LEFT, py, WIDTH - RIGHT, py);
        use(to, ink);
        write_text(to, text, LEFT - 10, py, 1, 0.5);
    }
}

static void draw_line(cairo_t *to, const chart *c, const chart_line *line, const scale *x, const scale *y) {
    for (int64_t i = 0; i < c->n; i++) cairo_line_to(to, place(x, (double)i), place(y, value(line, i)));
    cairo_set_line_width(to, 2);
    cairo_set_line_join(to, CAIRO_LINE_JOIN_ROUND);
    cairo_stroke(to);
    const double radius = c->n <= FEW_DOTS ? 5 : 3;
    for (int64_t i = 0; i < c->n && c->n <= MOST_DOTS; i++) {
        cairo_arc(to, place(x, (double)i), place(y, value(line, i)), radius, 0, 2 * M_PI);
        cairo_fill(to);
    }
}

// Names with a stroke of their colour, from the right edge to the left, above the lines.
static void draw_legend(cairo_t *to, const chart *c) {
    double right = WIDTH - RIGHT;
    for (int k = c->n_lines - 1; k >= 0; k--) {
        cairo_text_extents_t size;
        cairo_text_extents(to, c->lines[k].name, &size);
        use(to, ink);
        write_text(to, c->lines[k].name, right, TOP - 24, 1, 0.5);
        right -= size.x_advance + 8;
        use(to, line_colors[k]);
        cairo_set_line_width(to, 3);
        segment(to, right - 24, TOP - 24, right, TOP - 24);
        right -= 24 + 22;
    }
}

static void set_font(cairo_t *to, cairo_font_weight_t weight, double size) {
    cairo_select_font_face(to, "sans-serif", CAIRO_FONT_SLANT_NORMAL, weight);
    cairo_set_font_size(to, size);
}

static void draw(cairo_t *to, const chart *c) {
    const scale x = epochs_scale(c), y = values_scale(c);
    cairo_font_options_t *plain = cairo_font_options_create();
    cairo_font_options_set_antialias(plain, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(plain, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(plain, CAIRO_HINT_METRICS_OFF);
    cairo_set_font_options(to, plain);
    cairo_font_options_destroy(plain);
    use(to, paper);
    cairo_paint(to);
    use(to, ink);
    set_font(to, CAIRO_FONT_WEIGHT_BOLD, 16);
    write_text(to, c->title, LEFT, TOP - 24, 0, 0.5);
    set_font(to, CAIRO_FONT_WEIGHT_NORMAL, 13);
    cairo_set_line_width(to, 1);
    draw_value_axis(to, &y);
    draw_epoch_axis(to, &x, c->n);
    draw_legend(to, c);
    for (int k = 0; k < c->n_lines; k++) {
        use(to, line_colors[k]);
        draw_line(to, c, &c->lines[k], &x, &y);
    }
}

static bool check_cairo(const chart *c, cairo_status_t status, ag_error *error) {
    return status == CAIRO_STATUS_SUCCESS || ag_fail(error, AG_STATUS_MEMORY, "chart '%s': cairo reports: %s",
                                                     c->title, cairo_status_to_string(status));
}

static bool draw_on(cairo_surface_t *surface, const chart *c, ag_error *error) {
    cairo_t *to = cairo_create(surface);
    draw(to, c);
    const cairo_status_t status = cairo_status(to);
    cairo_destroy(to);
    cairo_surface_flush(surface);
    return check_cairo(c, status, error);
}

// ---- files ----

static void copy_pixels(cairo_surface_t *surface, nn_image *image) {
    const uint8_t *rows = cairo_image_surface_get_data(surface);
    const int stride = cairo_image_surface_get_stride(surface);
    uint8_t *out = image->pixels;
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            uint32_t rgb;
            memcpy(&rgb, rows + y * stride + 4 * x, sizeof rgb);
            *out++ = (uint8_t)(rgb >> 16);
            *out++ = (uint8_t)(rgb >> 8);
            *out++ = (uint8_t)rgb;
        }
    }
}

static bool save_png(const chart *c, const char *path, ag_error *error) {
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, WIDTH, HEIGHT);
    nn_image *image = nn_image_create(HEIGHT, WIDTH, 3, error);
    bool ok = image && draw_on(surface, c, error);
    if (ok) copy_pixels(surface, image);
    cairo_surface_destroy(surface);
    ok = ok && nn_image_save(image, path, error);
    nn_image_free(image);
    return ok;
}

static cairo_status_t append(void *stream, const unsigned char *bytes, unsigned n) {
    return fwrite(bytes, 1, n, stream) == n ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

// cairo numbers surfaces by how many the process has made, in an id that nothing refers to; without the
// number a chart's bytes depend on the chart alone.
static size_t remove_surface_number(char *svg, size_t n) {
    static const char mark[] = "<g id=\"surface";
    char *at = memmem(svg, n, mark, sizeof mark - 1);
    if (!at) return n;
    at += sizeof mark - 1;
    const size_t digits = strspn(at, "0123456789");
    memmove(at, at + digits, n - (size_t)(at - svg) - digits);
    return n - digits;
}

static bool save_svg(const chart *c, const char *path, ag_error *error) {
    char *text = NULL;
    size_t n = 0;
    FILE *stream = open_memstream(&text, &n);
    if (!stream) return ag_fail(error, AG_STATUS_MEMORY, "chart '%s': out of memory", c->title);
    cairo_surface_t *surface = cairo_svg_surface_create_for_stream(append, stream, WIDTH, HEIGHT);
    bool ok = draw_on(surface, c, error);
    cairo_surface_finish(surface);
    ok = check_cairo(c, cairo_surface_status(surface), error) && ok;
    cairo_surface_destroy(surface);
    if (fclose(stream) != 0 || !text)
        ok = ag_fail(error, AG_STATUS_MEMORY, "chart '%s': out of memory", c->title);
    ok = ok && nn_file_save(path, text, remove_surface_number(text, n), error);
    free(text);
    return ok;
}

bool chart_save(const chart *c, const char *png, const char *svg, ag_error *error) {
    return save_png(c, png, error) && save_svg(c, svg, error);
}
