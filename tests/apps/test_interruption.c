// SPDX-License-Identifier: MIT
// Runs that are stopped: by signals, by a full disk, by numbers that are no longer finite. What is on disk
// stays whole, and going on gives what an undisturbed run gives.
#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "models/dcgan.h"
#include "tests/apps/cli.h"
#include "tests/support/scratch.h"

// 200 images of 8 x 8 in batches of 4: epochs of 50 iterations.
#define LONG_EPOCHS "--data images --batch 4 --threads 1 --seed 2"

static void prepare(void) {
    scratch_create();
    cli_write_images("images", 200, 8, 8);
}

TestSuite(interruption, .init = prepare, .fini = scratch_remove);

static char *load_text(const char *name) {
    size_t n;
    char *text = (char *)scratch_read(name, &n);
    text[n] = '\0';
    return text;
}

// Trains until epoch 0 is saved, sends the signal, and returns the iteration that the program says it
// stopped after.
static int stop_in_epoch_1(const char *folder, int signal) {
    char line[256];
    int iteration = 0;
    snprintf(line, sizeof line, "train " LONG_EPOCHS " --epochs 3 -o %s", folder);
    const pid_t pid = cli_start(line);
    // Written last in an epoch.
    snprintf(line, sizeof line, "%s/timing.csv", folder);
    cli_await(line, "\n0,50,");
    kill(pid, signal);
    cr_assert(cli_wait(pid) == 130, "signal %d did not end with 130", signal);
    char *out = load_text("out"), *said = strstr(out, "stopped after iteration ");
    cr_assert(said && sscanf(said, "stopped after iteration %d (epoch ", &iteration) == 1, "%s", out);
    snprintf(line, sizeof line, "resume %s --epochs 3\n", folder);
    cr_assert(strstr(said, line), "no command to go on: %s", out);
    free(out);
    return iteration;
}

Test(interruption, in_mid_epoch_leaves_no_trace_after_going_on) {
    const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    cli_succeed("train " LONG_EPOCHS " --epochs 3 -o whole");
    for (int k = 0; k < 3; k++) {
        char name[32];
        int iteration = 50;
        // A signal that comes when an epoch ends is no proof; that is rare.
        for (int attempt = 0; iteration % 50 == 0 && attempt < 5; attempt++) {
            snprintf(name, sizeof name, "stopped%d-%d", k, attempt);
            iteration = stop_in_epoch_1(name, signals[k]);
        }
        cr_assert(iteration % 50 != 0, "stopped five times at an epoch's end");
        cli_succeed("resume %s --threads 2", name);
        const char *found = cli_difference("whole", name);
        cr_assert(!found, "stopped by signal %d after iteration %d: %s differs", signals[k], iteration,
                  found);
    }
}

// Killed before its first epoch is done, a run has the model that it began with.
Test(interruption, by_a_kill_at_the_start_can_be_gone_on_from) {
    cli_succeed("train " LONG_EPOCHS " --gan minimax --epochs 2 -o whole");
    const pid_t pid = cli_start("train " LONG_EPOCHS " --gan minimax --epochs 2 -o run");
    cli_await("run/reals.png", "PNG");
    kill(pid, SIGKILL);
    cr_assert(cli_wait(pid) == 128 + SIGKILL);
    cr_assert(access(scratch_path("run/log.csv"), F_OK) != 0, "killed too late to prove anything");
    cli_succeed("inspect run");
    cli_succeed("resume run --threads 1");
    const char *found = cli_difference("whole", "run");
    cr_assert(!found, "%s differs", found);
}

// Process 1 always lives. A name that is no temporary file's is nobody's business.
Test(interruption, by_a_kill_leaves_files_for_the_next_training_to_remove) {
    const char *const kept[] = {"run/.tmp-1-0", "run/.tmp-99999999-x", "run/.tmp-0-0"},
                      *const removed[] = {"run/.tmp-99999999-0", "run/.tmp-99999999-12"};
    cr_assert(mkdir(scratch_path("run"), 0777) == 0);
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 3; i++) scratch_write(kept[i], "half", 4);
        for (int i = 0; i < 2; i++) scratch_write(removed[i], "half", 4);
        cli_succeed(k ? "resume run --epochs 2 --threads 1" : "train " LONG_EPOCHS " --epochs 1 -o run");
        for (int i = 0; i < 3; i++)
            cr_assert(access(scratch_path(kept[i]), F_OK) == 0, "%s was removed", kept[i]);
        for (int i = 0; i < 2; i++)
            cr_assert(access(scratch_path(removed[i]), F_OK) != 0, "%s was left", removed[i]);
    }
}

Test(interruption, at_the_start_keeps_the_seed) {
    ag_error error = {0};
    dcgan *model = dcgan_create((dcgan_params){.image_shape = AG_SHAPE(8, 8, 1), .seed = 5}, &error);
    cr_assert(model, "%s", error.text);
    cli_succeed("train " LONG_EPOCHS " --epochs 1 -o run");
    cr_assert(dcgan_save(model, scratch_path("run/model.safetensors"), &error), "%s", error.text);
    cli_refuse(4, CLI_WORDS("run/config.json", "\"seed\" is 2", "made with 5"), "resume run");
    dcgan_free(model);
    remove(scratch_path("run/config.json"));
    cli_refuse(4, CLI_WORDS("run/model.safetensors", "never trained", "config.json"),
               "resume run --data images --epochs 2");
}

// Batches of 200 make one iteration long enough for a second signal.
Test(interruption, by_a_second_signal_is_immediate) {
    cli_write_images("large", 400, 28, 28);
    const pid_t pid = cli_start("train --data large --batch 200 --threads 1 --epochs 9 -o run");
    cli_await("out", "prob_real\n");
    kill(pid, SIGINT);
    usleep(50000);
    kill(pid, SIGINT);
    cr_assert(cli_wait(pid) == 130);
    char *out = load_text("out"), *err = load_text("err");
    cr_assert(!strstr(out, "stopped after"), "the iteration was finished: %s", out);
    cr_assert_str_eq(err,
                     "dcgan: stopping after this iteration, which is saved; a second signal stops at once\n"
                     "dcgan: again: stopping without saving; the last saved model is kept\n");
    free(out);
    free(err);
    cli_succeed("inspect run");
}

// Whether the process has a file of the scratch folder's `name` open.
static bool has_open(pid_t pid, const char *name) {
    char folder[64], link[400], target[600];
    bool found = false;
    snprintf(folder, sizeof folder, "/proc/%d/fd", (int)pid);
    DIR *open_files = opendir(folder);
    for (struct dirent *entry; open_files && !found && (entry = readdir(open_files));) {
        snprintf(link, sizeof link, "%s/%s", folder, entry->d_name);
        const ssize_t n = readlink(link, target, sizeof target - 1);
        target[n > 0 ? n : 0] = '\0';
        found = strncmp(target, scratch_path(name), strlen(scratch_path(name))) == 0;
    }
    if (open_files) closedir(open_files);
    return found;
}

// Black ones, in a few kilobytes that take long to inflate.
static void write_many_images(const char *name, int n) {
    const uint8_t header[] = {0,  0, 8, 3, 0, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n, 0, 0, 0,
                              28, 0, 0, 0, 28};
    const uint8_t image[28 * 28] = {0};
    gzFile file = gzopen(scratch_path(name), "wb1");
    cr_assert(file && gzwrite(file, header, sizeof header) == sizeof header);
    for (int i = 0; i < n; i++) cr_assert(gzwrite(file, image, sizeof image) == sizeof image);
    cr_assert(gzclose(file) == Z_OK);
}

Test(interruption, before_training_begins_is_not_the_end) {
    bool met = false;
    write_many_images("many.gz", 200000);
    const pid_t pid = cli_start("train --data many.gz --batch 16 --threads 1 --epochs 9 -o run");
    for (int i = 0; i < 60000 && !met; i++) {
        met = has_open(pid, "many.gz");
        if (!met) usleep(1000);
    }
    cr_assert(met && access(scratch_path("run"), F_OK) != 0, "met too late to prove anything");
    kill(pid, SIGTERM);
    cr_assert(cli_wait(pid) == 130);
    char *out = load_text("out");
    cr_assert(strstr(out, "stopped after iteration 1 (epoch 0) and saved"), "%s", out);
    free(out);
    cli_succeed("inspect run");
}

Test(interruption, by_a_closed_terminal_still_saves) {
    cli_write_images("large", 400, 28, 28);
    const pid_t pid = cli_start("train --data large --batch 200 --threads 1 --epochs 9 -o run");
    cli_await("out", "prob_real\n");
    for (int i = 0; i < 2; i++) {
        kill(pid, SIGHUP);
        usleep(50000);
    }
    cr_assert(cli_wait(pid) == 130);
    char *out = load_text("out");
    cr_assert(strstr(out, "stopped after iteration "), "%s", out);
    free(out);
}

Test(interruption, of_the_reader_does_not_end_training) {
    char line[256];
    snprintf(line, sizeof line, "train " LONG_EPOCHS " --epochs 2 -o run | head -n 1");
    cr_assert(cli_wait(cli_start(line)) == 0);
    for (int i = 0; i < 60000 && access(scratch_path("run/fakes-e0001.png"), F_OK) != 0; i++) usleep(1000);
    cli_run("resume run --epochs 3");
    char *log = load_text("run/log.csv");
    cr_assert(strstr(log, "\n1,100,"), "%s", log);
    free(log);
}

// ---- the disk ----

Test(interruption, by_a_full_disk_keeps_the_last_model_whole) {
    cli_succeed("train " LONG_EPOCHS " --epochs 3 -o whole");
    cli_succeed("train " LONG_EPOCHS " --epochs 1 -o run");
    cli_succeed("train " LONG_EPOCHS " --epochs 1 -o before");
    char line[512];
    // Blocks of 512 bytes: enough for pictures, not for the model.
    snprintf(line, sizeof line,
             "--version >/dev/null && ulimit -f 1000 && '" TEST_BUILD_DIR
             "/apps/dcgan' resume run --epochs 3");
    cli_refuse(1,
               CLI_WORDS("run/model.safetensors", "File too large", "of iteration 50, whole",
                         "resume run --epochs 3"),
               "%s", line);
    cr_assert(cli_same("run/model.safetensors", "before/model.safetensors"), "the old model was changed");
    cr_assert(access(scratch_path("run/fakes-e0001.png"), F_OK) != 0,
              "there is a picture of an epoch without its model");
    cli_succeed("resume run --epochs 3");
    const char *found = cli_difference("whole", "run");
    cr_assert(!found, "%s differs", found);
}

// ---- numbers ----

static bool stop(void *context, const gan_trainer *trainer) {
    (void)context, (void)trainer;
    return false;
}

// A model whose next loss overflows.
static void save_broken(const char *path) {
    ag_error error = {0};
    nn_dataset *data = nn_dataset_open(scratch_path("images"), NULL, &error);
    dcgan *model = dcgan_create((dcgan_params){.image_shape = AG_SHAPE(8, 8, 1)}, &error);
    const dcgan_train_params params = {.batch_size = 4, .hooks = {.iteration = stop}};
    cr_assert(data && model && dcgan_train(model, data, params, NULL, &error) == GAN_RUN_STOPPED, "%s",
              error.text);
    int64_t n;
    float *values = ag_parameter_set_values(nn_model_set(dcgan_discriminator(model), 0), &n);
    for (int64_t i = 0; i < n; i++) values[i] = 1e20f;
    cr_assert(dcgan_save(model, scratch_path(path), &error), "%s", error.text);
    dcgan_free(model);
    nn_dataset_free(data);
}

Test(interruption, by_a_loss_that_is_not_finite_keeps_the_last_model) {
    save_broken("model.safetensors");
    size_t n, m;
    uint8_t *before = scratch_read("model.safetensors", &n);
    cli_refuse(5, CLI_WORDS("the loss is", "first value that is not finite is in discriminator", "--seed"),
               "resume model.safetensors --data images --epochs 2 --threads 1");
    uint8_t *after = scratch_read("model.safetensors", &m);
    cr_assert(n == m && memcmp(before, after, n) == 0, "a diverged training changed the model");
    free(before);
    free(after);
}

// ---- a terminal ----

// What the program writes to a terminal of `cols` columns until it ends.
static char *run_on_terminal(const char *arguments, unsigned short cols) {
    const struct winsize size = {.ws_row = 24, .ws_col = cols};
    char *text = calloc(1, CLI_OUTPUT), line[2048];
    int terminal, status;
    snprintf(line, sizeof line, "cd '%s' && exec '" TEST_BUILD_DIR "/apps/dcgan' %s", scratch_path(""),
             arguments);
    const pid_t pid = forkpty(&terminal, NULL, NULL, &size);
    cr_assert(pid >= 0 && text);
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    for (ssize_t n, at = 0; at < CLI_OUTPUT - 1; at += n) {
        if ((n = read(terminal, text + at, (size_t)(CLI_OUTPUT - 1 - at))) <= 0) break;
    }
    cr_assert(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s", text);
    close(terminal);
    return text;
}

// A live line starts behind a carriage return and is never as wide as the terminal, so that it never wraps.
Test(interruption, does_not_come_from_watching_the_live_line) {
    for (unsigned short cols = 40; cols <= 160; cols += 60) {
        char line[128];
        snprintf(line, sizeof line, "train " LONG_EPOCHS " --epochs 3 -o run%d", cols);
        char *text = run_on_terminal(line, cols);
        const char *live = strstr(text, "\repoch ");
        cr_assert(live, "no live line in: %s", text);
        cr_assert(cols < 160 || strstr(live, " images/s  "), "%s", text);
        cr_assert(cols < 160 || strstr(live, " left  d_loss "), "%s", text);
        for (; live; live = strstr(live + 1, "\repoch ")) {
            const size_t length = strcspn(live + 1, "\r\n");
            cr_assert(length < cols, "%zu characters on %d columns", length, cols);
        }
        cr_assert(strstr(text, "\r    2 "), "the rows do not take the live line's place: %s", text);
        cr_assert(cols < 160 || (strstr(text, "\repoch 0 (1 of 3)  ") && !strstr(text, "\repoch 3")), "%s",
                  text);
        free(text);
    }
}

Test(interruption, is_not_invited_by_a_silent_generate) {
    cli_succeed("train " LONG_EPOCHS " --epochs 1 -o run");
    char *text = run_on_terminal("generate -m run --n 20000 -o many.png --threads 1", 80);
    const char *live = strstr(text, "\rimage ");
    cr_assert(
        live && strstr(live, " of 20,000  ") && strstr(live, " images/s  ") && strstr(live, "\rmany.png: "),
        "%s", text);
    free(text);
}
