"""Times CTranslate2 scoring every choice with a T5 of random weights.

The request holds `type` (float32, bfloat16 or int8), `shape` and `rows`. CTranslate2 reads models that its own converter made of a transformers
folder with a tokenizer: both are made in the run's scratch folder, once per shape. It scores pairs, so that an input is encoded again for each
of its choices.
"""
import os
import warnings

import request

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
warnings.filterwarnings("ignore")
import ctranslate2  # noqa: E402

BATCH_TOKENS = 4096


def word(number):
    return f"<{number}>"


def convert(shape, folder):
    """A random model as CTranslate2 has it, with one word per id."""
    converted = os.path.join(folder, f"ctranslate2-{shape['dModel']}-{shape['layers']}")
    if os.path.exists(converted):
        return converted
    import torch
    import torch_t5

    source = f"{converted}-source"
    torch_t5.make_model(shape, torch.float32).save_pretrained(source)
    save_words(source, shape["vocabSize"])
    ctranslate2.converters.TransformersConverter(source).convert(converted)
    return converted


def convert_folder(folder, vocab_size):
    """The model of a folder as CTranslate2 has it, with one word per id."""
    converted, source = f"{folder}-ctranslate2", f"{folder}-ctranslate2-source"
    if os.path.exists(converted):
        return converted
    os.makedirs(source)
    for name in ("config.json", "model.safetensors"):
        os.symlink(os.path.join(folder, name), os.path.join(source, name))
    save_words(source, vocab_size)
    ctranslate2.converters.TransformersConverter(source).convert(converted)
    return converted


def save_words(folder, vocab_size):
    """Writes a tokenizer that has one word per id."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {"<pad>": 0, "</s>": 1, "<unk>": 2, **{word(i): i for i in range(request.FIRST_WORD, vocab_size)}}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>").save_pretrained(folder)


def main():
    asked = request.read()
    folder = convert(asked["shape"], asked["folder"])
    translator = ctranslate2.Translator(folder, device="cpu", compute_type=asked["type"], intra_threads=asked["threads"], inter_threads=1)
    sources, targets = [], []
    for ids, choices in request.token_ids(asked["rows"], asked["shape"]["vocabSize"]):
        for choice in choices:
            sources.append([word(i) for i in ids[:-1]] + ["</s>"])
            targets.append([word(i) for i in choice[:-1]])  # CTranslate2 adds </s> itself.
    request.report(lambda: translator.score_batch(sources, targets, max_batch_size=BATCH_TOKENS, batch_type="tokens"), asked["repeats"])


if __name__ == "__main__":
    main()
