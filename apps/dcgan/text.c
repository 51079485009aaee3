// SPDX-License-Identifier: MIT
// Numbers as text.
#include "apps/dcgan/text.h"

#include <stdio.h>
#include <stdlib.h>

char *text_count(int64_t n, char text[TEXT_NUMBER]) {
    char digits[32];
    const int length = snprintf(digits, sizeof digits, "%lld", (long long)n);
    char *out = text;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-') *out++ = ',';
        *out++ = digits[i];
    }
    *out = '\0';
    return text;
}

char *text_things(int64_t n, const char *thing, char text[TEXT_NUMBER]) {
    char count[TEXT_NUMBER];
    snprintf(text, TEXT_NUMBER, "%.32s %.24s%s", text_count(n, count), thing, n == 1 ? "" : "s");
    return text;
}

char *text_duration(double seconds, char text[TEXT_NUMBER]) {
    const long long s = (long long)(seconds + 0.5), minutes = s / 60, hours = minutes / 60;
    if (hours > 0)
        snprintf(text, TEXT_NUMBER, "%lld h %lld min", hours, minutes % 60);
    else if (minutes > 0)
        snprintf(text, TEXT_NUMBER, "%lld min %lld s", minutes, s % 60);
    else
        snprintf(text, TEXT_NUMBER, "%lld s", s);
    return text;
}

char *text_double(double x, char text[TEXT_NUMBER]) {
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, TEXT_NUMBER, "%.*g", digits, x);
        if (strtod(text, NULL) == x) break;
    }
    return text;
}
