"""Asks Rust `tokenizers` for the texts of ids, decoder by decoder of tokenizer.json.

    python test/tokenizer/decoders.py > test/tokenizer/decoders.jsonl

It needs `pip install tokenizers`. The first line holds the vocabulary, the added tokens and the lists of ids; every other one a decoder and
what became of each list, or null where the decoder itself is refused.
"""

import json
import random

import tokenizers

WORDS = [
    "<unk>", "▁the", "▁", "▁▁cat", "s", "▁.", "##ing", "##", "run", "</w>", "dog</w>", "</w>a</w>b", ",", "n't", "▁ do not", "'",
    "Ġthe", "Ġ", "Ã", "©", "Ã©", "âĤ", "¬", "Ċ", "é", "\U0001f600", "ðŁĺĢ", "<0x41>", "<0xE2>", "<0x82>", "<0xAC>", "<0xe2>", "<0xG1>",
    "<0xFF>", "|", "h", "l", "<pad>", "l<pad>", "HH", "HeyH", "H", "", " ", " .", "don 't", "'s", "▁'s",
]
VOCABULARY = {word: id for id, word in enumerate(WORDS)}
FIRST = len(WORDS)


def added(id, content, special):
    return {"id": id, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": special}


ADDED = [added(FIRST, "</s>", True), added(FIRST + 1, "<extra_id_0>", True), added(FIRST + 2, "▁added", False), added(VOCABULARY["run"], "run", True)]


def metaspace(**over):
    return {"type": "Metaspace", "replacement": "▁", **over}


def sequence(*decoders):
    return {"type": "Sequence", "decoders": list(decoders)}


STRIP = {"type": "Strip", "content": "H", "start": 1, "stop": 1}
DECODERS = {
    "none": None,
    "metaspace": metaspace(),
    "metaspace always": metaspace(prepend_scheme="always", split=True),
    "metaspace first": metaspace(prepend_scheme="first", split=False),
    "metaspace never": metaspace(prepend_scheme="never"),
    "metaspace of old": metaspace(add_prefix_space=True, str_rep="▁"),
    "metaspace of a letter": {"type": "Metaspace", "replacement": "H"},
    "byte level": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
    "byte level, old": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False},
    "bpe": {"type": "BPEDecoder", "suffix": "</w>"},
    "word piece": {"type": "WordPiece", "prefix": "##", "cleanup": False},
    "word piece, cleaned": {"type": "WordPiece", "prefix": "##", "cleanup": True},
    "ctc": {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": True},
    "ctc, as it is": {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": False},
    "fuse": {"type": "Fuse"},
    "byte fallback": {"type": "ByteFallback"},
    "replace a text": {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
    "replace with a dollar": {"type": "Replace", "pattern": {"String": "l"}, "content": "$&"},
    "replace a pattern": {"type": "Replace", "pattern": {"Regex": "[▁#]+"}, "content": "_"},
    "strip": STRIP,
    "strip the start": {"type": "Strip", "content": "H", "start": 2, "stop": 0},
    "strip the end": {"type": "Strip", "content": "▁", "start": 0, "stop": 3},
    "as in Llama": sequence(
        {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
        {"type": "ByteFallback"},
        {"type": "Fuse"},
        {"type": "Strip", "content": " ", "start": 1, "stop": 0},
    ),
    "sequence in sequence": sequence(sequence(metaspace(), {"type": "Fuse"}), STRIP),
    "sequence of none": sequence(),
    "an unknown kind": {"type": "Morse"},
    "a key that is missing": {"type": "BPEDecoder"},
    "a long replacement": metaspace(replacement="▁▁"),
}


def lists():
    chance = random.Random(1)
    ids = list(range(FIRST + 5))  # the last two are nobody's
    bytes_of = [VOCABULARY[word] for word in ("<0x41>", "<0xE2>", "<0x82>", "<0xAC>", "<0xFF>", "l", "Ã", "©", "âĤ", "¬")]
    yield []
    for id in ids:
        yield [id]
    for _ in range(60):
        yield [chance.choice(ids) for _ in range(chance.randint(2, 9))]
    for _ in range(40):
        yield [chance.choice(bytes_of) for _ in range(chance.randint(2, 9))]


LISTS = list(lists())


def texts_of(decoder):
    model = {"type": "WordLevel", "vocab": VOCABULARY, "unk_token": "<unk>"}
    whole = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": ADDED, "normalizer": None, "pre_tokenizer": None,
             "post_processor": None, "decoder": decoder, "model": model}
    try:
        tokenizer = tokenizers.Tokenizer.from_str(json.dumps(whole))
    except Exception:
        return None
    return [text_of(tokenizer, ids) for ids in LISTS]


def text_of(tokenizer, ids):
    try:
        return tokenizer.decode(ids, skip_special_tokens=True)
    except BaseException as panic:
        if type(panic).__name__ != "PanicException":
            raise
        return False


def line(value):
    print(json.dumps(value, ensure_ascii=True, separators=(",", ":")))


line({"vocabulary": VOCABULARY, "added": ADDED, "lists": LISTS})
for name, decoder in DECODERS.items():
    line({"name": name, "decoder": decoder, "texts": texts_of(decoder)})
