// SPDX-License-Identifier: MIT
// Public functions of this room without an argument that they need: each says so and does nothing.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "nn/nn.h"
#include "tests/nn/told.h"

static nn_model *model;
static nn_optimizer *optimizer;
static nn_program *program;
static nn_checkpoint *checkpoint;
static nn_format_content content;

static void prepare(void) {
    ag_error error = {0};
    model = nn_sequential(&error, "m", AG_F32, AG_SHAPE(3), nn_dense(2));
    cr_assert(model && nn_model_initialize(model, 1, 0, &error), "%s", error.text);
    optimizer = nn_optimizer_create(model, nn_adam(), &error);
    program = nn_compile(model, nn_mse, nn_adam(), &error);
    checkpoint = nn_checkpoint_create();
    cr_assert(optimizer && program && checkpoint, "%s", error.text);
    told_open();
}

static void finish(void) {
    told_close();
    nn_checkpoint_free(checkpoint);
    nn_program_free(program);
    nn_optimizer_free(optimizer);
    nn_model_free(model);
}

TestSuite(contract, .init = prepare, .fini = finish);

#define E (&told_error)

Test(contract, free_functions_accept_null) {
    nn_model_free(NULL);
    nn_layer_free(NULL);
    nn_optimizer_free(NULL);
    nn_program_free(NULL);
    nn_predictor_free(NULL);
    nn_checkpoint_free(NULL);
    nn_dataset_free(NULL);
    nn_digest_free(NULL);
    nn_file_free(NULL);
    nn_format_free(NULL);
    nn_image_free(NULL);
}

Test(contract, of_models) {
    nn_layer *layer = nn_relu();
    told_by_error(!nn_sequential(E, NULL, AG_F32, AG_SHAPE(3), layer), "nn_sequential_create", "name");
    told_by_error(!nn_sequential_create("x", AG_F32, AG_SHAPE(3), NULL, 1, E), "nn_sequential_create",
                  "layers");
    told_by_error(!nn_chain(E, NULL, model), "nn_chain_create", "name");
    told_by_error(!nn_chain_create("x", NULL, 1, E), "nn_chain_create", "models");
    told(!nn_model_name(NULL), "nn_model_name", "model");
    told(nn_model_dtype(NULL) == AG_F32, "nn_model_dtype", "model");
    told(nn_model_input_shape(NULL).rank == 0, "nn_model_input_shape", "model");
    told(nn_model_output_shape(NULL).rank == 0, "nn_model_output_shape", "model");
    told(nn_model_layer_count(NULL) == 0, "nn_model_layer_count", "model");
    told(!nn_model_layer(NULL, 0), "nn_model_layer", "model");
    told(!nn_model_find_layer(NULL, "x"), "nn_model_find_layer", "model");
    told(!nn_model_find_layer(model, NULL), "nn_model_find_layer", "name");
    told(nn_model_set_count(NULL) == 0, "nn_model_set_count", "model");
    told(!nn_model_set(NULL, 0), "nn_model_set", "model");
    told_by_error(!nn_model_initialize(NULL, 0, 0, E), "nn_model_initialize", "model");
    told((nn_set_trainable(NULL, true), true), "nn_set_trainable", "model");
    told((nn_layer_set_trainable(NULL, true), true), "nn_layer_set_trainable", "layer");
    told((nn_summary(NULL, stderr), true), "nn_summary", "model");
    told((nn_summary(model, NULL), true), "nn_summary", "stream");
}

Test(contract, of_application_and_losses) {
    ag_tape *tape = ag_tape_create("t", AG_F32);
    told(!nn_apply(model, NULL, NN_INFER), "nn_apply", "x");
    told(ag_node_failed(nn_apply(NULL, ag_input(tape, "x", AG_SHAPE(1, 3)), NN_INFER)), "nn_apply", "model");
    told(!nn_softmax_cross_entropy(NULL, NULL), "nn_softmax_cross_entropy", "logits");
    ag_tape_free(tape);
}

Test(contract, of_layers_and_initializers) {
    const nn_layer_kind kind = *nn_model_layer(model, 0)->kind;
    nn_layer *loose = nn_relu();
    double fan = -1;
    told(!nn_layer_create(NULL, NULL, 0), "nn_layer_create", "kind");
    told(!nn_layer_create(&kind, NULL, 8), "nn_layer_create", "params");
    told_by_error(!nn_layer_declare(NULL, "w", AG_SHAPE(1), AG_PARAMETER, nn_zeros, E), "nn_layer_declare",
                  "layer");
    told_by_error(!nn_layer_declare(nn_model_layer(model, 0), NULL, AG_SHAPE(1), AG_PARAMETER, nn_zeros, E),
                  "nn_layer_declare", "name");
    told_by_error(!nn_layer_declare(loose, "w", AG_SHAPE(1), AG_PARAMETER, nn_zeros, E), "nn_layer_declare",
                  "layer->set");
    nn_layer_free(loose);
    told_by_error(
        !nn_layer_declare(nn_model_layer(model, 0), "w", AG_SHAPE(1), AG_PARAMETER, (nn_initializer){0}, E),
        "nn_layer_declare", "initializer.kind");
    told((nn_fans(AG_SHAPE(2), NULL, &fan), fan == -1), "nn_fans", "fan_in");
    told((nn_fans(AG_SHAPE(2), &fan, NULL), fan == -1), "nn_fans", "fan_out");
}

Test(contract, of_optimizers) {
    nn_update update = {0};
    told_by_error(!nn_optimizer_create(NULL, nn_adam(), E), "nn_optimizer_create", "model");
    told((nn_optimizer_begin(NULL), true), "nn_optimizer_begin", "optimizer");
    told((nn_optimizer_end(NULL), true), "nn_optimizer_end", "optimizer");
    told(!nn_optimizer_record(NULL, NULL, &update), "nn_optimizer_record", "optimizer");
    told(!nn_optimizer_record(optimizer, NULL, &update), "nn_optimizer_record", "loss");
    told_by_error(!nn_optimizer_feed(NULL, NULL, &update, E), "nn_optimizer_feed", "optimizer");
    told_by_error(!nn_optimizer_feed(optimizer, NULL, &update, E), "nn_optimizer_feed", "program");
    told((nn_optimizer_advance(NULL), true), "nn_optimizer_advance", "optimizer");
    told(nn_optimizer_step(NULL) == 0, "nn_optimizer_step", "optimizer");
    told_by_error(!nn_optimizer_set_step(NULL, 1, E), "nn_optimizer_set_step", "optimizer");
    told(nn_optimizer_rate(NULL) == 0, "nn_optimizer_rate", "optimizer");
    told_by_error(!nn_optimizer_set_rate(NULL, 1, E), "nn_optimizer_set_rate", "optimizer");
    told(nn_optimizer_state_count(NULL) == 0, "nn_optimizer_state_count", "optimizer");
    told(!nn_optimizer_state(NULL, 0), "nn_optimizer_state", "optimizer");
    told(!nn_optimizer_state_nonnegative(NULL, 0), "nn_optimizer_state_nonnegative", "optimizer");
}

Test(contract, of_compiled_programs) {
    float x[3] = {0}, y[2] = {0};
    double loss = -1;
    told_by_error(!nn_compile(NULL, nn_mse, nn_adam(), E), "nn_compile", "model");
    told_by_error(!nn_compile(model, NULL, nn_adam(), E), "nn_compile", "loss");
    told((nn_program_set_seed(NULL, 1), true), "nn_program_set_seed", "program");
    told_by_error(!nn_train_on_batch(NULL, x, y, 1, &loss, E), "nn_train_on_batch", "program");
    told_by_error(!nn_train_on_batch(program, NULL, y, 1, &loss, E), "nn_train_on_batch", "x");
    told_by_error(!nn_train_on_batch(program, x, NULL, 1, &loss, E), "nn_train_on_batch", "y");
    told_by_error(!nn_train_on_batch(program, x, y, 1, NULL, E), "nn_train_on_batch", "out_loss");
    told_by_error(!nn_test_on_batch(NULL, x, y, 1, &loss, E), "nn_test_on_batch", "program");
    told_by_error(!nn_test_on_batch(program, x, y, 1, NULL, E), "nn_test_on_batch", "out_loss");
    told_by_error(!nn_program_plan(NULL, 1, E), "nn_program_plan", "program");
    cr_expect(loss == -1);
}

Test(contract, of_predictors) {
    float x[3] = {0}, out[2] = {0};
    nn_predictor *predictor = nn_predictor_create(model, 4, NULL, NULL);
    told_by_error(!nn_predictor_create(NULL, 4, NULL, E), "nn_predictor_create", "model");
    told_by_error(!nn_predict(NULL, x, 1, out, E), "nn_predict", "predictor");
    told_by_error(!nn_predict(predictor, NULL, 1, out, E), "nn_predict", "x");
    told_by_error(!nn_predict(predictor, x, 1, NULL, E), "nn_predict", "out");
    nn_predictor_free(predictor);
}

Test(contract, of_data_sets_and_digests) {
    char text[NN_DIGEST_TEXT];
    uint32_t index = 0;
    float out[4];
    nn_dataset *set = nn_dataset_create(1, 2, 2, 1, NULL), bare = {.n = 1, .h = 2, .w = 2, .c = 1};
    nn_digest *digest = nn_digest_create();
    told_by_error(!nn_dataset_open(NULL, NULL, E), "nn_dataset_open", "path");
    told_by_error(!nn_dataset_digest(NULL, text, E), "nn_dataset_digest", "dataset");
    told_by_error(!nn_dataset_digest(set, NULL, E), "nn_dataset_digest", "text");
    told_by_error(!nn_dataset_digest(&bare, text, E), "nn_dataset_digest", "dataset->images");
    told_by_error(!nn_dataset_gather(NULL, &index, 1, AG_F32, out, E), "nn_dataset_gather", "dataset");
    told_by_error(!nn_dataset_gather(set, NULL, 1, AG_F32, out, E), "nn_dataset_gather", "indices");
    told_by_error(!nn_dataset_gather(set, &index, 1, AG_F32, NULL, E), "nn_dataset_gather", "out");
    told((nn_digest_append(NULL, text, 1), true), "nn_digest_append", "digest");
    told((nn_digest_append(digest, NULL, 1), true), "nn_digest_append", "bytes");
    told(!nn_digest_format(NULL, text), "nn_digest_format", "digest");
    told(!nn_digest_format(digest, NULL), "nn_digest_format", "text");
    nn_digest_free(digest);
    nn_dataset_free(set);
}

Test(contract, of_images) {
    uint8_t bytes[4] = {0};
    nn_image bare = {.h = 1, .w = 1, .c = 1};
    told_by_error(!nn_image_load(NULL, E), "nn_image_load", "path");
    told_by_error(!nn_image_decode(NULL, 4, "x", E), "nn_image_decode", "bytes");
    told_by_error(!nn_image_decode(bytes, 4, NULL, E), "nn_image_decode", "name");
    told_by_error(!nn_image_save(NULL, "x.png", E), "nn_image_save", "image");
    told_by_error(!nn_image_save(&bare, "x.png", E), "nn_image_save", "image->pixels");
    told_by_error(!nn_image_grid(NULL, 1, 1, 1, 1, (nn_grid){1, 1, 0}, E), "nn_image_grid", "images");
    told((nn_image_quantize(NULL, AG_F32, 1, 0, 1, bytes), true), "nn_image_quantize", "x");
    told((nn_image_quantize(bytes, AG_F32, 1, 0, 1, NULL), true), "nn_image_quantize", "out");
}

Test(contract, of_files) {
    uint8_t *bytes = NULL;
    size_t n = 0;
    told_by_error(!nn_file_create(NULL, E), "nn_file_create", "path");
    told_by_error(!nn_file_write(NULL, "x", 1, E), "nn_file_write", "file");
    told_by_error(!nn_file_commit(NULL, E), "nn_file_commit", "file");
    told_by_error(!nn_file_save(NULL, "x", 1, E), "nn_file_create", "path");
    told_by_error(!nn_file_load(NULL, 1, AG_STATUS_DATA, &bytes, &n, E), "nn_file_load", "path");
    told_by_error(!nn_file_load("x", 1, AG_STATUS_DATA, NULL, &n, E), "nn_file_load", "bytes");
    told_by_error(!nn_file_load("x", 1, AG_STATUS_DATA, &bytes, NULL, E), "nn_file_load", "n");
}

Test(contract, of_model_files) {
    float out = 0;
    told_by_error(!nn_format_save(NULL, &content, E), "nn_format_save", "path");
    told_by_error(!nn_format_save("x", NULL, E), "nn_format_save", "content");
    told_by_error(!nn_format_load(NULL, NULL, E), "nn_format_load", "path");
    told(!nn_format_find(NULL, "x"), "nn_format_find", "content");
    told(!nn_format_find(&content, NULL), "nn_format_find", "name");
    told(!nn_format_metadata(NULL, "x"), "nn_format_metadata", "content");
    told(!nn_format_metadata(&content, NULL), "nn_format_metadata", "key");
    told_by_error(!nn_format_read(NULL, "x", NN_FORMAT_F32, AG_SHAPE(1), &out, E), "nn_format_read",
                  "content");
    told_by_error(!nn_format_read(&content, NULL, NN_FORMAT_F32, AG_SHAPE(1), &out, E), "nn_format_read",
                  "name");
    told_by_error(!nn_format_read(&content, "x", NN_FORMAT_F32, AG_SHAPE(1), NULL, E), "nn_format_read",
                  "out");
}

Test(contract, of_checkpoints) {
    const float value = 0;
    ag_parameter_set *set = nn_model_set(model, 0);
    told_by_error(!nn_checkpoint_add_set(NULL, set, E), "nn_checkpoint_add_set", "checkpoint");
    told_by_error(!nn_checkpoint_add_set(checkpoint, NULL, E), "nn_checkpoint_add_set", "set");
    told_by_error(!nn_checkpoint_add_optimizer(NULL, optimizer, E), "nn_checkpoint_add_optimizer",
                  "checkpoint");
    told_by_error(!nn_checkpoint_add_optimizer(checkpoint, NULL, E), "nn_checkpoint_add_optimizer",
                  "optimizer");
    told_by_error(!nn_checkpoint_add(NULL, "x", AG_F32, AG_SHAPE(1), &value, E), "nn_checkpoint_add",
                  "checkpoint");
    told_by_error(!nn_checkpoint_add(checkpoint, NULL, AG_F32, AG_SHAPE(1), &value, E), "nn_checkpoint_add",
                  "name");
    told_by_error(!nn_checkpoint_add(checkpoint, "x", AG_F32, AG_SHAPE(1), NULL, E), "nn_checkpoint_add",
                  "values");
    told_by_error(!nn_checkpoint_add_text(NULL, "k", "t", E), "nn_checkpoint_add_text", "checkpoint");
    told_by_error(!nn_checkpoint_add_text(checkpoint, NULL, "t", E), "nn_checkpoint_add_text", "key");
    told_by_error(!nn_checkpoint_add_text(checkpoint, "k", NULL, E), "nn_checkpoint_add_text", "text");
    told_by_error(!nn_checkpoint_save(NULL, "x", E), "nn_checkpoint_save", "checkpoint");
    told_by_error(!nn_checkpoint_save(checkpoint, NULL, E), "nn_checkpoint_save", "path");
    told_by_error(!nn_checkpoint_check_set(NULL, set, E), "nn_checkpoint_check_set", "content");
    told_by_error(!nn_checkpoint_check_set(&content, NULL, E), "nn_checkpoint_check_set", "set");
    told_by_error(!nn_checkpoint_check_model(NULL, model, E), "nn_checkpoint_check_model", "content");
    told_by_error(!nn_checkpoint_check_model(&content, NULL, E), "nn_checkpoint_check_model", "model");
    told_by_error(!nn_checkpoint_check_optimizer(NULL, optimizer, E), "nn_checkpoint_check_optimizer",
                  "content");
    told_by_error(!nn_checkpoint_check_optimizer(&content, NULL, E), "nn_checkpoint_check_optimizer",
                  "optimizer");
    told_by_error(!nn_checkpoint_check(NULL, "x", NN_FORMAT_F32, AG_SHAPE(1), 0, E), "nn_checkpoint_check",
                  "content");
    told_by_error(!nn_checkpoint_check(&content, NULL, NN_FORMAT_F32, AG_SHAPE(1), 0, E),
                  "nn_checkpoint_check", "name");
    told_by_error(!nn_checkpoint_read_set(NULL, set, E), "nn_checkpoint_read_set", "content");
    told_by_error(!nn_checkpoint_read_set(&content, NULL, E), "nn_checkpoint_read_set", "set");
    told_by_error(!nn_checkpoint_read_optimizer(NULL, optimizer, E), "nn_checkpoint_read_optimizer",
                  "content");
    told_by_error(!nn_checkpoint_read_optimizer(&content, NULL, E), "nn_checkpoint_read_optimizer",
                  "optimizer");
}

static ag_node *apply_nothing(const nn_layer *layer, ag_node *x, nn_mode mode) {
    (void)layer, (void)mode;
    return x;
}

Test(contract, a_kind_of_layer_has_a_name_and_an_apply) {
    static const nn_layer_kind nameless = {.apply = apply_nothing}, idle = {.name = "idle"};
    static const nn_layer_kind wordy = {
        .name = "a_kind_of_layer_whose_name_alone_is_longer_than_the_name_of_a_layer_may_be",
        .apply = apply_nothing};
    ag_error error = {0};
    cr_expect(!nn_layer_create(&nameless, NULL, 0) && !nn_layer_create(&idle, NULL, 0));
    cr_expect(!nn_sequential(&error, "x", AG_F32, AG_SHAPE(3), nn_layer_create(&wordy, NULL, 0)));
    cr_expect(strstr(error.text, "has more than"), "%s", error.text);
}

Test(contract, a_tensors_name_is_never_cut_off) {
    char longest[300] = {0};
    memset(longest, 's', 260);
    ag_error error = {0};
    ag_parameter_set *set = ag_parameter_set_create(longest, AG_F32);
    cr_assert(ag_parameter_add(set, "w", AG_SHAPE(1), AG_PARAMETER, NULL));
    cr_expect(!nn_checkpoint_add_set(checkpoint, set, &error) && strstr(error.text, "longer than 255 bytes"),
              "%s", error.text);
    ag_parameter_set_free(set);
}

Test(contract, indices_out_of_range_give_null) {
    cr_expect(nn_dataset_format_at(0) && !nn_dataset_format_at(-1) && !nn_dataset_format_at(99));
    cr_expect(nn_format_at(0) && !nn_format_at(-1) && !nn_format_at(99));
    cr_expect(!nn_model_layer(model, 1) && !nn_model_layer(model, -1));
    cr_expect(!nn_model_set(model, 1) && !nn_model_set(model, -1));
    cr_expect(nn_optimizer_state(optimizer, 1) && !nn_optimizer_state(optimizer, 2) &&
              !nn_optimizer_state(optimizer, -1));
    cr_expect(!nn_optimizer_state_nonnegative(optimizer, 3) &&
              !nn_optimizer_state_nonnegative(optimizer, -1));
    cr_expect(nn_format_dtype_bytes((nn_format_dtype)9) == 0);
    cr_expect_str_eq(nn_format_dtype_name((nn_format_dtype)9), "?");
}

Test(contract, an_optimizer_keeps_its_rate_and_step_when_the_new_one_is_nonsense) {
    const double rates[] = {0, -1, NAN, INFINITY};
    for (int i = 0; i < 4; i++) {
        ag_error error = {0};
        cr_expect(!nn_optimizer_set_rate(optimizer, rates[i], &error), "rate %g is taken", rates[i]);
        cr_expect(error.status == AG_STATUS_USAGE && strstr(error.text, "must be positive and finite"), "%s",
                  error.text);
    }
    const int64_t steps[] = {-1, INT64_MIN, (INT64_C(1) << 53) + 1};
    for (int i = 0; i < 3; i++) {
        ag_error error = {0};
        cr_expect(!nn_optimizer_set_step(optimizer, steps[i], &error), "step %lld is taken",
                  (long long)steps[i]);
        cr_expect(error.status == AG_STATUS_USAGE && strstr(error.text, "must lie in 0 to"), "%s",
                  error.text);
    }
    cr_expect(nn_optimizer_rate(optimizer) == 1e-3 && nn_optimizer_step(optimizer) == 0);
}
