// SPDX-License-Identifier: MIT
// Chains: models one after the other, each with its own set.
#include <stdlib.h>
#include <string.h>

#include "autograd/op.h"
#include "nn/given.h"
#include "nn/model_private.h"

int nn_model_set_count(const nn_model *model) {
    if (!NN_GIVEN(model, "model", NULL)) return 0;
    int n = model->set != NULL;
    for (int i = 0; i < model->n_parts; i++) n += nn_model_set_count(model->parts[i]);
    return n;
}

ag_parameter_set *nn_model_set(const nn_model *model, int i) {
    if (!NN_GIVEN(model, "model", NULL)) return NULL;
    if (model->set) return i == 0 ? model->set : NULL;
    for (int part = 0; part < model->n_parts; part++) {
        const int n = nn_model_set_count(model->parts[part]);
        if (i < n) return nn_model_set(model->parts[part], i);
        i -= n;
    }
    return NULL;
}

// Whether a set of `model` is among those of the chain: each is trained and counted once.
static bool shares_a_set(const nn_model *chain, const nn_model *model) {
    for (int i = 0; i < nn_model_set_count(chain); i++) {
        for (int k = 0; k < nn_model_set_count(model); k++) {
            if (nn_model_set(chain, i) == nn_model_set(model, k)) return true;
        }
    }
    return false;
}

static bool append(nn_model *chain, nn_model *model, ag_error *error) {
    if (!model)
        return ag_fail(error, AG_STATUS_CONTRACT, "chain %s: model %d is NULL", chain->name, chain->n_parts);
    if (shares_a_set(chain, model))
        return ag_fail(error, AG_STATUS_CONTRACT, "chain %s: model %s is part of it already", chain->name,
                       model->name);
    if (chain->n_parts > 0 && model->dtype != chain->dtype)
        return ag_fail(error, AG_STATUS_CONTRACT, "chain %s: model %s is %s, those before it %s", chain->name,
                       model->name, ag_dtype_name(model->dtype), ag_dtype_name(chain->dtype));
    if (chain->n_parts > 0 && !ag_shape_equal(chain->out, model->in))
        return ag_fail(error, AG_STATUS_CONTRACT, "chain %s: model %s takes %s, the one before it gives %s",
                       chain->name, model->name, AG_TEXT(model->in), AG_TEXT(chain->out));
    if (chain->n_parts == 0) chain->in = model->in;
    chain->out = model->out;
    chain->dtype = model->dtype;
    chain->parts[chain->n_parts++] = model;
    return true;
}

static bool append_all(nn_model *chain, nn_model *const *models, int n_models, ag_error *error) {
    if (n_models < 1 || n_models > NN_CHAIN_PARTS)
        return ag_fail(error, AG_STATUS_CONTRACT, "chain %s: %d models, it takes 1 to %d", chain->name,
                       n_models, NN_CHAIN_PARTS);
    for (int i = 0; i < n_models; i++) {
        if (!append(chain, models[i], error)) return false;
    }
    return true;
}

nn_model *nn_chain_create(const char *name, nn_model *const *models, int n_models, ag_error *error) {
    if (!NN_GIVEN(name, "name", error) || !nn_model_check_name(name, error) ||
        (n_models > 0 && !NN_GIVEN(models, "models", error)))
        return NULL;
    nn_model *chain = calloc(1, sizeof *chain);
    if (chain) chain->name = strdup(name);
    if (!chain || !chain->name) {
        nn_model_free(chain);
        return ag_fail(error, AG_STATUS_MEMORY, "chain %s: out of memory", name), NULL;
    }
    if (append_all(chain, models, n_models, error)) return chain;
    nn_model_free(chain);
    return NULL;
}
