"""Asks Rust `tokenizers` where it cuts long texts.

    python test/tokenizer/long_texts.py > test/tokenizer/long_texts.jsonl

It needs `pip install tokenizers`. A text is a unit, repeated.
"""

import hashlib
import json

import tokenizers

SPECIAL = ["<pad>", "</s>", "<unk>"]
TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
    "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}},
}
METASPACE = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
PIECES = ["▁", "▁the", "▁th", "e", "a", "t", "h", "▁cat", "at", "c", "ca", "aa", "aaa"]
BYTES = tokenizers.pre_tokenizers.ByteLevel.alphabet()


def added(content):
    return {"id": SPECIAL.index(content), "content": content, "single_word": False, "lstrip": False, "rstrip": False,
            "normalized": False, "special": True}


def tokenizer(model, normalizer=None, pre_tokenizer=None):
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [added(one) for one in SPECIAL],
            "normalizer": normalizer, "pre_tokenizer": pre_tokenizer, "post_processor": TEMPLATE, "decoder": None, "model": model}


def numbered(tokens):
    return {token: id for id, token in enumerate(tokens)}


TOKENIZERS = {
    "Unigram": tokenizer(
        {"type": "Unigram", "unk_id": 2, "byte_fallback": False,
         "vocab": [[one, 0.0] for one in SPECIAL] + [[one, -1.0 - i / 8] for i, one in enumerate(PIECES)]},
        {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]},
        METASPACE),
    "BPE": tokenizer(
        {"type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None,
         "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
         "vocab": numbered(SPECIAL + sorted(BYTES) + ["th", "the", "Ġthe", "at", "cat", "aa", "aaaa"]),
         "merges": [["t", "h"], ["th", "e"], ["Ġ", "the"], ["a", "t"], ["c", "at"], ["a", "a"], ["aa", "aa"]]},
        None, {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}),
    "WordPiece": tokenizer(
        {"type": "WordPiece", "unk_token": "<unk>", "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
         "vocab": numbered(SPECIAL + ["the", "c", "##at", "##a", "a"])},
        {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": None, "lowercase": True},
        {"type": "BertPreTokenizer"}),
    "WordLevel": tokenizer(
        {"type": "WordLevel", "unk_token": "<unk>", "vocab": numbered(SPECIAL + ["the", "cat"])}, None, {"type": "WhitespaceSplit"}),
}
TEXTS = [["the cat  Ａé ", 34_000], ["a", 2**20], ["</s>", 100_000], [" ", 400_000], ["a</s> the", 40_000], ["\U0001f600e\u0301", 100_000]]
LIMITS = [1, 2, 7, 512]


def digest(ids):
    return hashlib.sha256(json.dumps(ids, separators=(",", ":")).encode()).hexdigest()


print(json.dumps(TOKENIZERS, separators=(",", ":")))
for name, described in TOKENIZERS.items():
    opened = tokenizers.Tokenizer.from_str(json.dumps(described))
    for unit, count in TEXTS:
        opened.no_truncation()
        whole = opened.encode(unit * count).ids
        cut = []
        for limit in LIMITS:
            opened.enable_truncation(max_length=limit)
            ids = opened.encode(unit * count).ids
            cut.append([limit, len(ids), digest(ids)])
        row = {"tokenizer": name, "unit": unit, "count": count, "whole": [len(whole), digest(whole)], "cut": cut}
        print(json.dumps(row, separators=(",", ":")))
