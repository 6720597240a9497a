"""Full-size experiments; their results lie in ``results/``.

``python -m dlbook train RECIPE`` runs one. Each states how its choices were made
without the test set.
"""

from dlbook.recipes.digits_cnn import DIGITS_CNN
from dlbook.recipes.fashion_lenet import (
    FASHION_LENET,
    FASHION_LENET_REFERENCE,
    FASHION_LENET_RELU,
)
from dlbook.recipes.fashion_resnet import FASHION_RESNET
from dlbook.recipes.mnist_vae import MNIST_VAE
from dlbook.recipes.number_names import NUMBER_NAMES
from dlbook.recipes.recipe import (
    Outcome,
    Peer,
    Recipe,
    checkpoint_path,
    code_version,
    config_hash,
    write_results,
)
from dlbook.recipes.shakespeare_gpt import SHAKESPEARE_GPT, SHAKESPEARE_GPT_BASELINE
from dlbook.recipes.tatoeba_translation import TATOEBA_TRANSLATION

RECIPES = {
    recipe.name: recipe
    for recipe in (
        DIGITS_CNN,
        FASHION_LENET,
        FASHION_LENET_RELU,
        FASHION_LENET_REFERENCE,
        FASHION_RESNET,
        MNIST_VAE,
        NUMBER_NAMES,
        SHAKESPEARE_GPT,
        SHAKESPEARE_GPT_BASELINE,
        TATOEBA_TRANSLATION,
    )
}

__all__ = [
    "RECIPES",
    "Outcome",
    "Peer",
    "Recipe",
    "checkpoint_path",
    "code_version",
    "config_hash",
    "write_results",
]
