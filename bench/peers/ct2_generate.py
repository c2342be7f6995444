"""Times CTranslate2 generating from the inputs, and with the model, that dfmerge has just generated with.

The request holds `model` (a model's folder in the run's scratch folder), `type` (float32 or int8), `generated` (a file there with `inputs` and
`sequences`, lists of ids), `beams` and `newTokens`. The folder's own weights are converted, with one word per id, once per model. Before
anything is timed the ids are compared with dfmerge's; how many sequences are the same is printed as `same`.
"""
import json
import os

import request
from ct2_score import convert_folder, ctranslate2, word

SPECIAL = {0: "<pad>", 1: "</s>", 2: "<unk>"}


def text(i):
    return SPECIAL.get(i) or word(i)


def main():
    asked = request.read()
    folder = os.path.join(asked["folder"], asked["model"])
    with open(os.path.join(asked["folder"], asked["generated"])) as file:
        generated = json.load(file)
    with open(os.path.join(folder, "config.json")) as file:
        vocabulary = json.load(file)["vocab_size"]
    translator = ctranslate2.Translator(
        convert_folder(folder, vocabulary), device="cpu", compute_type=asked["type"], intra_threads=asked["threads"], inter_threads=1
    )
    sources = [[text(i) for i in ids] for ids in generated["inputs"]]

    def run():
        return translator.translate_batch(
            sources, beam_size=asked["beams"], max_input_length=0, min_decoding_length=asked["newTokens"],
            max_decoding_length=asked["newTokens"], max_batch_size=len(sources),
        )

    found = [result.hypotheses[0] for result in run()]
    same = sum(words == [text(i) for i in ids] for words, ids in zip(found, generated["sequences"]))
    request.report(run, asked["repeats"], same=f"{same} of {len(found)}")


if __name__ == "__main__":
    main()
