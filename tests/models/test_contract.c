// SPDX-License-Identifier: MIT
// Public functions of this room without an argument that they need, or with nonsense: each says so and does
// nothing.
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/models/small_gan.h"
#include "tests/nn/told.h"

static dcgan *model;
static nn_dataset *images;

static void prepare(void) {
    model = small_gan_create(1);
    images = small_gan_images(32);
    told_open();
}

static void finish(void) {
    told_close();
    nn_dataset_free(images);
    dcgan_free(model);
}

TestSuite(contract, .init = prepare, .fini = finish);

#define E (&told_error)

Test(contract, of_the_class) {
    float z[8], picture[144] = {0}, p = -1;
    const float label = 1;
    dcgan_scores scores;
    dcgan_free(NULL);
    told_by_error(dcgan_train(NULL, images, (dcgan_train_params){0}, NULL, E) == GAN_RUN_FAILED,
                  "dcgan_train", "model");
    told_by_error(dcgan_train(model, NULL, (dcgan_train_params){0}, NULL, E) == GAN_RUN_FAILED, "dcgan_train",
                  "images");
    told_by_error(!dcgan_generate(NULL, z, 1, picture, E), "dcgan_generate", "model");
    told_by_error(!dcgan_generate(model, NULL, 1, picture, E), "dcgan_generate", "z");
    told_by_error(!dcgan_generate(model, z, 1, NULL, E), "dcgan_generate", "images");
    told_by_error(!dcgan_discriminate(NULL, picture, 1, &p, E), "dcgan_discriminate", "model");
    told_by_error(!dcgan_discriminate(model, NULL, 1, &p, E), "dcgan_discriminate", "images");
    told_by_error(!dcgan_discriminate(model, picture, 1, NULL, E), "dcgan_discriminate", "probabilities");
    told_by_error(!dcgan_evaluate(NULL, picture, &label, 1, &scores, E), "dcgan_evaluate", "model");
    told_by_error(!dcgan_evaluate(model, NULL, &label, 1, &scores, E), "dcgan_evaluate", "images");
    told_by_error(!dcgan_evaluate(model, picture, NULL, 1, &scores, E), "dcgan_evaluate", "labels");
    told_by_error(!dcgan_evaluate(model, picture, &label, 1, NULL, E), "dcgan_evaluate", "scores");
    told((dcgan_draw_z(NULL, 1, z), true), "dcgan_draw_z", "model");
    told((dcgan_draw_z(model, 1, NULL), true), "dcgan_draw_z", "z");
    told((dcgan_seed_z(NULL, 1, z), true), "dcgan_seed_z", "model");
    told((dcgan_seed_z(model, 1, NULL), true), "dcgan_seed_z", "z");
}

Test(contract, of_its_files_and_properties) {
    told_by_error(!dcgan_save(NULL, "x", E), "dcgan_save", "model");
    told_by_error(!dcgan_change(NULL, "x", E), "dcgan_change", "model");
    told_by_error(!dcgan_change(model, NULL, E), "dcgan_change", "path");
    told_by_error(!dcgan_open(NULL, E), "dcgan_open", "path");
    told_by_error(!dcgan_set_name(NULL, "x", E), "dcgan_set_name", "model");
    told_by_error(!dcgan_set_name(model, NULL, E), "dcgan_set_name", "name");
    told(!dcgan_name(NULL), "dcgan_name", "model");
    told(dcgan_z_dim(NULL) == 0, "dcgan_z_dim", "model");
    told(dcgan_seed(NULL) == 0, "dcgan_seed", "model");
    told(dcgan_image_shape(NULL).rank == 0, "dcgan_image_shape", "model");
    told(!dcgan_fixed_z(NULL), "dcgan_fixed_z", "model");
    told(!dcgan_generator(NULL), "dcgan_generator", "model");
    told(!dcgan_discriminator(NULL), "dcgan_discriminator", "model");
    told(!dcgan_combined(NULL), "dcgan_combined", "model");
    told(!dcgan_trainer(NULL), "dcgan_trainer", "model");
    told(!dcgan_data_digest(NULL), "dcgan_data_digest", "model");
    told(!dcgan_made_with(NULL), "dcgan_made_with", "model");
}

Test(contract, of_trainers) {
    nn_model *g = dcgan_generator(model), *d = dcgan_discriminator(model);
    gan_trainer *trainer = gan_trainer_create(g, d, (gan_config){0}, NULL, E);
    const nn_dataset bare = {.n = 200, .h = 12, .w = 12, .c = 1};
    gan_trainer_free(NULL);
    told_by_error(!gan_trainer_create(NULL, d, (gan_config){0}, NULL, E), "gan_trainer_create", "generator");
    told_by_error(!gan_trainer_create(g, NULL, (gan_config){0}, NULL, E), "gan_trainer_create",
                  "discriminator");
    told_by_error(!gan_trainer_set_data(NULL, images, E), "gan_trainer_set_data", "trainer");
    told_by_error(!gan_trainer_set_data(trainer, NULL, E), "gan_trainer_set_data", "data");
    told_by_error(!gan_trainer_set_data(trainer, &bare, E), "gan_trainer_set_data", "data->images");
    told_by_error(gan_trainer_run(NULL, 1, NULL, E) == GAN_RUN_FAILED, "gan_trainer_run", "trainer");
    told(!gan_trainer_config(NULL), "gan_trainer_config", "trainer");
    told(!gan_trainer_history(NULL), "gan_trainer_history", "trainer");
    told(gan_trainer_step(NULL) == 0, "gan_trainer_step", "trainer");
    told(gan_trainer_iterations(NULL) == 0, "gan_trainer_iterations", "trainer");
    told(gan_trainer_epoch(NULL) == 0, "gan_trainer_epoch", "trainer");
    told(!gan_trainer_order(NULL), "gan_trainer_order", "trainer");
    told(gan_trainer_d_loss(NULL) == 0, "gan_trainer_d_loss", "trainer");
    told(gan_trainer_g_loss(NULL) == 0, "gan_trainer_g_loss", "trainer");
    told(!gan_trainer_environment(NULL), "gan_trainer_environment", "trainer");
    told(gan_trainer_workspace_bytes(NULL) == 0, "gan_trainer_workspace_bytes", "trainer");
    told_by_error(!gan_trainer_program(NULL, 1, "generator", E), "gan_trainer_program", "trainer");
    told_by_error(!gan_trainer_program(trainer, 1, NULL, E), "gan_trainer_program", "name");
    told(!gan_trainer_optimizer(NULL, true), "gan_trainer_optimizer", "trainer");
    gan_trainer_free(trainer);
}

Test(contract, of_variants_and_their_context) {
    gan_context empty = {0};
    told(!gan_variant_find(NULL), "gan_variant_find", "name");
    told(!gan_penalty_find(NULL), "gan_penalty_find", "name");
    told(gan_variant_schedule(NULL, GAN_SCHEDULE_DEFAULT) == GAN_SCHEDULE_DEFAULT, "gan_variant_schedule",
         "variant");
    told(gan_variant_generator_every(NULL) == 1, "gan_variant_generator_every", "variant");
    told(gan_variant_optimizer(NULL).kind, "gan_variant_optimizer", "variant");
    told(!gan_real_images(NULL), "gan_real_images", "context");
    told(!gan_fake_images(NULL), "gan_fake_images", "context");
    told(!gan_real_scores(NULL), "gan_real_scores", "context");
    told(!gan_fake_scores(NULL), "gan_fake_scores", "context");
    told(!gan_discriminate(NULL, NULL), "gan_discriminate", "context");
    told(!gan_real_target(NULL), "gan_real_target", "context");
    told(!gan_fake_target(NULL), "gan_fake_target", "context");
    told(!gan_uniform_per_sample(NULL), "gan_real_images", "context");
    told(!gan_discriminator_loss(NULL, gan_variant_at(0)), "gan_discriminator_loss", "context");
    told(!gan_discriminator_loss(&empty, NULL), "gan_discriminator_loss", "variant");
}

Test(contract, a_configuration_of_nonsense_makes_no_trainer) {
    static const gan_variant lossless = {.name = "lossless"}, one_sided = {.name = "one_sided"};
    const gan_config rows[] = {{.variant = &lossless},
                               {.variant = &one_sided},
                               {.batch_size = -1},
                               {.batch_size = INT64_C(1) << 32},
                               {.label_smoothing = NAN},
                               {.schedule = (gan_schedule)9},
                               {.optimizer = nn_adam(.rate = -1)}};
    const char *const sentences[] = {"variant lossless: it needs",
                                     "variant one_sided: it needs",
                                     "batch size -1: a number from 1 to 4294967295",
                                     "batch size 4294967296: a number from 1 to 4294967295",
                                     "label smoothing nan: a number in [0, 0.5)",
                                     "schedule 9: it is default, separate or joint",
                                     "rate -1 must be positive and finite"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        ag_error error = {0};
        cr_expect(
            !gan_trainer_create(dcgan_generator(model), dcgan_discriminator(model), rows[i], NULL, &error),
            "taken, not refused by: %s", sentences[i]);
        cr_expect(strstr(error.text, sentences[i]), "\"%s\" lacks \"%s\"", error.text, sentences[i]);
    }
}

Test(contract, a_program_for_no_images_is_refused_and_drops_no_other) {
    ag_error error = {0};
    gan_trainer *trainer =
        gan_trainer_create(dcgan_generator(model), dcgan_discriminator(model), (gan_config){0}, NULL, &error);
    const ag_program *program = gan_trainer_program(trainer, 4, "generator", &error);
    cr_assert(program && gan_trainer_program(trainer, 3, "generator", &error), "%s", error.text);
    cr_expect(!gan_trainer_program(trainer, 0, "generator", &error) && error.status == AG_STATUS_USAGE);
    cr_expect(gan_trainer_program(trainer, 4, "generator", NULL) == program);
    gan_trainer_free(trainer);
}

Test(contract, counts_that_no_memory_holds_are_refused) {
    const int64_t counts[] = {-1, INT64_MIN, INT64_MAX, INT64_MAX / 64};
    float z[8] = {0}, picture[144] = {0}, p = -1;
    const float label = 1;
    dcgan_scores scores;
    for (int i = 0; i < 4; i++) {
        ag_error error[3] = {0};
        cr_expect(!dcgan_generate(model, z, counts[i], picture, &error[0]));
        cr_expect(!dcgan_discriminate(model, picture, counts[i], &p, &error[1]));
        cr_expect(counts[i] > 0 || !dcgan_evaluate(model, picture, &label, counts[i], &scores, &error[2]));
        for (int k = 0; k < (counts[i] > 0 ? 2 : 3); k++)
            cr_expect(error[k].status == AG_STATUS_USAGE, "%lld: %s", (long long)counts[i], error[k].text);
    }
    cr_expect(dcgan_generate(model, NULL, 0, NULL, NULL) && dcgan_discriminate(model, NULL, 0, NULL, NULL));
}
