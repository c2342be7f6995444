"""Asks Rust `tokenizers` for the ids of generated texts, feature by feature of tokenizer.json.

    python test/tokenizer/features.py --texts 24 --seed 1 > test/tokenizer/features.jsonl
    python test/tokenizer/features.py --texts 3000 --seed 2 | node test/tokenizer/compare.mjs

The first command writes the table that `npm test` compares with; the second compares many more texts. It needs `pip install tokenizers`.
"""

import argparse
import base64
import json
import random
import struct
import sys
import unicodedata

import tokenizers

END = {"</s>": 1}
BYTES = {f"<0x{byte:02X}>": 3 + byte for byte in range(256)}
# Every character becomes its bytes and every piece ends in "</w>", so that the ids tell all of what normalizers and pre-tokenizers did.
TELLING = {
    "type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": "</w>",
    "fuse_unk": False, "byte_fallback": True, "ignore_merges": False,
    "vocab": {"<pad>": 0, "</s>": 1, "<unk>": 2, **BYTES}, "merges": [],
}
TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [{"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
    "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
    "special_tokens": {"</s>": {"id": "</s>", "ids": [1], "tokens": ["</s>"]}},
}


def tokenizer(**over):
    plain = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
             "pre_tokenizer": None, "post_processor": TEMPLATE, "decoder": None, "model": TELLING}
    return {**plain, **over}


def added(id, content, **flags):
    plain = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
    return {"id": id, "content": content, **plain, **flags}


def charsmap(pairs):
    """A precompiled character map: a double array of the keys, and the replacements. First fit, which is enough for a few keys."""
    keys = sorted((key.encode(), value) for key, value in pairs.items())
    strings = b""
    places = {}
    for _, value in keys:
        if value not in places:
            places[value] = len(strings)
            strings += value.encode() + b"\0"
    trie = {}
    for key, value in keys:
        node = trie
        for byte in key:
            node = node.setdefault(byte, {})
        node[None] = places[value]
    units = {0: 0}
    used = set([0])

    def place(node, at):
        labels = [label for label in node if label is not None]
        base = 1
        while True:
            spots = [base ^ label for label in labels] + ([base] if None in node else [])
            if all(spot not in used for spot in spots) and (at ^ base) < 2**21:
                break
            base += 1
        used.update(spots)
        units[at] = units.get(at, 0) | ((at ^ base) << 10) | ((1 << 8) if None in node else 0)
        if None in node:
            units[base] = node[None] | 0x80000000
        for label in labels:
            units[base ^ label] = label
        for label in labels:
            place(node[label], base ^ label)

    place(trie, 0)
    size = (max(units) // 256 + 1) * 256
    array = b"".join(struct.pack("<I", units.get(i, 0)) for i in range(size))
    return base64.b64encode(struct.pack("<I", len(array)) + array + strings).decode()


NMT_NFKC_LIKE = charsmap({
    "\t": " ", "\n": " ", "\r": " ", "\u00a0": " ", "\u3000": " ", "\u200b": " ", "\u00ad": "", "\u0007": "", "\u0000a": "x",
    "\ufb01": "fi", "\uff21": "A", "\uff41": "a", "\u00bd": "1\u20442", "\u2460": "1", "e\u0301": "\u00e9", "a\u0300": "\u00e0",
    "\u0344": "\u0308\u0301", "\u1e9b\u0323": "\u1e69", "\u2122": "TM", "\uff9e": "\u3099", "\uff76": "\u30ab", "\u2163": "IV",
})

UNIGRAM = {
    "type": "Unigram", "unk_id": 2, "byte_fallback": False,
    "vocab": [["<pad>", 0.0], ["</s>", 0.0], ["<unk>", 0.0], ["\u2581", -2.0], ["a", -3.0], ["b", -3.5], ["ab", -4.0], ["\u2581a", -3.2],
              ["\u2581the", -2.5], ["th", -4.5], ["e", -3.0], ["he", -4.0], ["\u2581ab", -6.5], ["ba", -6.4], ["aba", -6.5], ["\u00e9", -5.0],
              ["\u4e2d", -6.0], ["\u4e2d\u6587", -7.0], ["\U0001f600", -8.0], ["aa", -6.0], ["aaa", -9.0], ["1", -4.0], ["12", -5.0],
              ["c", -4.0], ["cc", -8.0], [" ", -3.0], ["\u2581\u2581", -5.0], ["x", -3.0]],
}
BPE_VOCAB = ["<pad>", "</s>", "<unk>", *"abcdefthr1", "ab", "abc", "th", "the", "er", "\u2581", "\u2581a", "\u2581th", "\u00e9", "aa", "aaaa",
             "bc", "abcabc", "\u4e2d", "\u6587", "\u4e2d\u6587", "ca", "the</w>", "e</w>", "##b", "##c", "abb", "##bc"]
BPE = {
    "type": "BPE", "dropout": None, "unk_token": "<unk>", "continuing_subword_prefix": None, "end_of_word_suffix": None, "fuse_unk": False,
    "byte_fallback": False, "ignore_merges": False, "vocab": {token: id for id, token in enumerate(BPE_VOCAB)},
    "merges": [["t", "h"], ["th", "e"], ["e", "r"], ["a", "b"], ["\u2581", "a"], ["b", "c"], ["ab", "c"], ["a", "bc"], ["a", "a"],
               ["aa", "aa"], ["\u2581", "th"], ["abc", "abc"], ["\u4e2d", "\u6587"], ["c", "a"]],
}
WORD_PIECE = {
    "type": "WordPiece", "unk_token": "<unk>", "continuing_subword_prefix": "##", "max_input_chars_per_word": 8,
    "vocab": {token: id for id, token in enumerate(["<pad>", "</s>", "<unk>", "a", "b", "ab", "##a", "##b", "##ab", "the", "##the", "\u00e9",
                                                    "##\u00e9", "\u4e2d", "##\u6587", "##1", "1", "\U0001f600", "##\U0001f600"])},
}
WORD_LEVEL = {"type": "WordLevel", "unk_token": "<unk>",
              "vocab": {"<pad>": 0, "</s>": 1, "<unk>": 2, "a": 3, "b": 4, "the": 5, "\u4e2d": 6, "12": 7, "__proto__": 8, "toString": 9}}
SPLIT = {"type": "WhitespaceSplit"}
MARKS = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
GPT4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
POSSESSIVE = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"



def normalizing(*steps):
    return {"type": "Sequence", "normalizers": list(steps)}


def cutting(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


def features():
    yield "plain", tokenizer()
    for kind in ["NFC", "NFD", "NFKC", "NFKD", "Lowercase", "StripAccents", "Nmt", "ByteLevel"]:
        yield f"normalizer {kind}", tokenizer(normalizer={"type": kind})
    for left in [True, False]:
        for right in [True, False]:
            yield f"normalizer Strip {left} {right}", tokenizer(normalizer={"type": "Strip", "strip_left": left, "strip_right": right})
    for clean in [True, False]:
        for chinese in [True, False]:
            for accents in [None, True, False]:
                for lower in [True, False]:
                    bert = {"type": "BertNormalizer", "clean_text": clean, "handle_chinese_chars": chinese,
                            "strip_accents": accents, "lowercase": lower}
                    if clean == chinese or accents is None:
                        yield f"normalizer Bert {clean} {chinese} {accents} {lower}", tokenizer(normalizer=bert)
    yield "normalizer Precompiled", tokenizer(normalizer={"type": "Precompiled", "precompiled_charsmap": NMT_NFKC_LIKE})
    yield "normalizer Prepend", tokenizer(normalizer={"type": "Prepend", "prepend": "\u2581x"})
    for name, pattern in [("space", {"String": " "}), ("regex", {"Regex": " {2,}"}), ("dots", {"String": "a.b"}),
                          ("white", {"Regex": r"\s+"}), ("words", {"Regex": r"\w"}), ("digits", {"Regex": r"\d+"}), ("start", {"Regex": r"^a|b$"})]:
        for content in ["\u2581", "", "$&"]:
            yield f"normalizer Replace {name} {content}", tokenizer(normalizer={"type": "Replace", "pattern": pattern, "content": content})
    yield "normalizer Sequence", tokenizer(normalizer=normalizing({"type": "NFKC"}, {"type": "Lowercase"}, {"type": "StripAccents"}))
    yield "normalizer Sequence empty", tokenizer(normalizer=normalizing())

    for kind in ["WhitespaceSplit", "Whitespace", "BertPreTokenizer", "Punctuation", "UnicodeScripts", "FixedLength"]:
        yield f"pre-tokenizer {kind}", tokenizer(pre_tokenizer={"type": kind})
    for behavior in ["Removed", "Isolated", "MergedWithPrevious", "MergedWithNext", "Contiguous"]:
        yield f"pre-tokenizer Punctuation {behavior}", tokenizer(pre_tokenizer={"type": "Punctuation", "behavior": behavior})
        for invert in [True, False]:
            for name, pattern in [("string", {"String": " "}), ("regex", {"Regex": r"\p{L}+"})]:
                split = {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}
                yield f"pre-tokenizer Split {name} {behavior} {invert}", tokenizer(pre_tokenizer=split)
    for name, regex in [("GPT-2", GPT2), ("GPT-4", GPT4), ("possessive", POSSESSIVE), ("atomic", r"(?>a+|b)b"), ("lazy", r"a+?b|\s*?"),
                        ("empty", r"x*"), ("posix", r"[[:punct:]]|[[:space:]]+"), ("set", r"[\p{L}&&[^a-c]]+"), ("back", r"(.)\1"),
                        ("anchor", r"^.|.$"), ("boundary", r"\b"), ("hex", r"\h+"), ("behind", r"(?<=a)b|(?<!\s)1"), ("word", r"\W+")]:
        split = {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False}
        yield f"pre-tokenizer Split {name}", tokenizer(pre_tokenizer=split)
    for individual in [True, False]:
        yield f"pre-tokenizer Digits {individual}", tokenizer(pre_tokenizer={"type": "Digits", "individual_digits": individual})
    for delimiter in [" ", "a", "\u4e2d", "\U0001f600"]:
        yield f"pre-tokenizer CharDelimiterSplit {delimiter}", tokenizer(pre_tokenizer={"type": "CharDelimiterSplit", "delimiter": delimiter})
    for scheme in ["always", "first", "never"]:
        for split in [True, False]:
            marks = {**MARKS, "prepend_scheme": scheme, "split": split}
            yield f"pre-tokenizer Metaspace {scheme} {split}", tokenizer(pre_tokenizer=marks)
    for name, over in [("default", {}), ("old", {"str_rep": "_", "add_prefix_space": True}), ("prefix false", {"add_prefix_space": False}),
                       ("prefix never", {"add_prefix_space": False, "prepend_scheme": "never"}), ("underscore", {"replacement": "_"})]:
        yield f"pre-tokenizer Metaspace {name}", tokenizer(pre_tokenizer={"type": "Metaspace", "replacement": "\u2581", **over})
    for prefix in [True, False]:
        for regex in [True, False]:
            level = {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}
            yield f"pre-tokenizer ByteLevel {prefix} {regex}", tokenizer(pre_tokenizer=level)
    yield "pre-tokenizer T5", tokenizer(pre_tokenizer=cutting(SPLIT, MARKS))
    yield "pre-tokenizer Sequence", tokenizer(pre_tokenizer=cutting({"type": "Punctuation"}, {"type": "Digits", "individual_digits": True}, SPLIT))
    yield "pre-tokenizer FixedLength 2", tokenizer(pre_tokenizer={"type": "FixedLength", "length": 2})
    first = {**MARKS, "prepend_scheme": "first"}
    for name, steps in [("NFKC", [{"type": "NFKC"}]), ("Strip", [{"type": "Strip", "strip_left": True, "strip_right": False}]),
                        ("StripAccents", [{"type": "StripAccents"}]), ("Nmt", [{"type": "Nmt"}]), ("Prepend", [{"type": "Prepend", "prepend": "x"}]),
                        ("Replace", [{"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]),
                        ("Replace one", [{"type": "Replace", "pattern": {"String": " "}, "content": "_"}]),
                        ("Replace none", [{"type": "Replace", "pattern": {"String": "a"}, "content": ""}]),
                        ("Precompiled", [{"type": "Precompiled", "precompiled_charsmap": NMT_NFKC_LIKE}]),
                        ("Bert", [{"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True, "strip_accents": True, "lowercase": True}])]:
        yield f"first after {name}", tokenizer(normalizer=normalizing(*steps), pre_tokenizer=first, added_tokens=[added(0, "<pad>")])
    yield "first after WhitespaceSplit", tokenizer(pre_tokenizer=cutting(SPLIT, first))
    yield "first after Digits", tokenizer(pre_tokenizer=cutting({"type": "Digits", "individual_digits": True}, first))

    words = [added(0, "<pad>"), added(1, "</s>", special=True), added(259, "the"), added(260, "them"), added(261, "\u4e2d")]
    for flag in ["single_word", "lstrip", "rstrip", "normalized", "special"]:
        tokens = [{**token, flag: True} for token in words]
        yield f"added {flag}", tokenizer(added_tokens=tokens)
        yield f"added {flag} lowercase", tokenizer(added_tokens=tokens, normalizer={"type": "Lowercase"}, pre_tokenizer=MARKS)
    every = [{**token, "lstrip": True, "rstrip": True, "single_word": True} for token in words]
    yield "added all flags", tokenizer(added_tokens=every)
    yield "added normalized prepend", tokenizer(added_tokens=[added(1, "</s>", normalized=True), added(259, "The", normalized=True)],
                                                normalizer=normalizing({"type": "Prepend", "prepend": "\u2581"}, {"type": "Lowercase"}))
    yield "added normalized equal", tokenizer(added_tokens=[added(259, "The", normalized=True), added(260, "the", normalized=True)],
                                              normalizer={"type": "Lowercase"})
    yield "added space", tokenizer(added_tokens=[added(259, " ", rstrip=True), added(260, "a b")])
    yield "added twice", tokenizer(added_tokens=[added(259, "the"), added(259, "the", lstrip=True)])
    yield "added wrong id", tokenizer(added_tokens=[added(300, "the")])
    yield "added empty", tokenizer(added_tokens=[added(259, "")])
    yield "added normalized away", tokenizer(added_tokens=[added(259, "  ", normalized=True)],
                                             normalizer={"type": "Strip", "strip_left": True, "strip_right": True})

    yield "Unigram", tokenizer(model=UNIGRAM, pre_tokenizer=cutting(SPLIT, MARKS))
    yield "Unigram whole", tokenizer(model=UNIGRAM, pre_tokenizer={**MARKS, "split": False})
    yield "Unigram unk_id null", tokenizer(model={**UNIGRAM, "unk_id": None}, pre_tokenizer=MARKS)
    yield "Unigram unk_id beyond", tokenizer(model={**UNIGRAM, "unk_id": 99})
    yield "Unigram unk in text", tokenizer(model={**UNIGRAM, "vocab": [*UNIGRAM["vocab"][:2], ["the", 0.0], *UNIGRAM["vocab"][3:]]})
    fallback = {**UNIGRAM, "byte_fallback": True, "vocab": [*UNIGRAM["vocab"], *([token, -20.0] for token in BYTES)]}
    yield "Unigram byte_fallback", tokenizer(model=fallback, pre_tokenizer=MARKS)
    yield "Unigram byte_fallback partial", tokenizer(model={**fallback, "vocab": fallback["vocab"][:200]}, pre_tokenizer=MARKS)
    yield "Unigram duplicates", tokenizer(model={**UNIGRAM, "vocab": [*UNIGRAM["vocab"], ["ab", -1.0], ["", -1.0]]})
    yield "Unigram high scores", tokenizer(model={**UNIGRAM, "vocab": [[t, s + 60] for t, s in UNIGRAM["vocab"]] + [["\u6587\u6587", 30.0]]})
    yield "Unigram untyped", tokenizer(model={key: value for key, value in UNIGRAM.items() if key != "type"})

    for fuse in [True, False]:
        yield f"BPE fuse_unk {fuse}", tokenizer(model={**BPE, "fuse_unk": fuse})
        yield f"BPE fuse_unk {fuse} byte_fallback", tokenizer(model={**BPE, "fuse_unk": fuse, "byte_fallback": True,
                                                              "vocab": {**BPE["vocab"], **{t: 100 + i for i, t in enumerate(list(BYTES)[:200])}}})
    yield "BPE unk_token null", tokenizer(model={**BPE, "unk_token": None}, pre_tokenizer=SPLIT)
    yield "BPE unk_token missing", tokenizer(model={**BPE, "unk_token": "zz"}, pre_tokenizer=SPLIT)
    yield "BPE dropout 0", tokenizer(model={**BPE, "dropout": 0.0})
    yield "BPE ignore_merges", tokenizer(model={**BPE, "ignore_merges": True, "vocab": {**BPE["vocab"], "abc12": 90, "them": 91}}, pre_tokenizer=SPLIT)
    yield "BPE prefix", tokenizer(model={**BPE, "continuing_subword_prefix": "##", "merges": [["a", "##b"], ["##b", "##c"], ["ab", "##b"]]}, pre_tokenizer=SPLIT)
    yield "BPE suffix", tokenizer(model={**BPE, "end_of_word_suffix": "</w>", "merges": [["t", "h"], ["th", "e</w>"], ["a", "b"]]}, pre_tokenizer=SPLIT)
    yield "BPE old merges", tokenizer(model={**BPE, "merges": ["#version: 0.2", *(" ".join(merge) for merge in BPE["merges"])]})
    yield "BPE merge of three", tokenizer(model={**BPE, "merges": ["a b c"]})
    yield "BPE merge unknown", tokenizer(model={**BPE, "merges": [["a", "zz"]]})
    yield "BPE twice ranked", tokenizer(model={**BPE, "merges": [*BPE["merges"], ["a", "b"]]})
    yield "BPE untyped", tokenizer(model={key: value for key, value in BPE.items() if key != "type"})
    yield "BPE Llama", tokenizer(model={**BPE, "fuse_unk": True}, normalizer=normalizing({"type": "Prepend", "prepend": "\u2581"},
                                 {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}))

    yield "WordPiece", tokenizer(model=WORD_PIECE, pre_tokenizer={"type": "BertPreTokenizer"})
    yield "WordPiece no prefix", tokenizer(model={**WORD_PIECE, "continuing_subword_prefix": ""}, pre_tokenizer=SPLIT)
    yield "WordPiece no unk", tokenizer(model={**WORD_PIECE, "unk_token": "zz"}, pre_tokenizer=SPLIT)
    yield "WordPiece untyped", tokenizer(model={key: value for key, value in WORD_PIECE.items() if key != "type"})
    yield "WordLevel", tokenizer(model=WORD_LEVEL, pre_tokenizer=SPLIT)
    yield "WordLevel no unk", tokenizer(model={**WORD_LEVEL, "unk_token": "zz"}, pre_tokenizer=SPLIT)

    pair = {"sep": ["</s>", 1], "cls": ["<pad>", 0]}
    roberta = {"type": "RobertaProcessing", **pair, "trim_offsets": True, "add_prefix_space": True}
    level = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    around = {**TEMPLATE, "single": [TEMPLATE["single"][1], *TEMPLATE["single"]]}
    for name, processor in [("Bert", {"type": "BertProcessing", **pair}), ("Roberta", roberta),
                            ("template around", around), ("Sequence", {"type": "Sequence", "processors": [level, TEMPLATE]})]:
        yield f"post-processor {name}", tokenizer(post_processor=processor, model=WORD_LEVEL, pre_tokenizer=SPLIT)
    yield "truncation and padding of the file", tokenizer(
        model=WORD_LEVEL, pre_tokenizer=SPLIT, truncation={"direction": "Left", "max_length": 3, "strategy": "LongestFirst", "stride": 0},
        padding={"strategy": {"Fixed": 9}, "direction": "Left", "pad_to_multiple_of": None, "pad_id": 0, "pad_type_id": 0, "pad_token": "<pad>"})


PARTS = [
    *"aabbcceethrx112290", "the", "them", "The", "THE", "ab", "abc", "aaa", "cat", "don't", "I'LL", "it's", "\u2019s", "'\u017f", "he'RE", "12", "1234", "3.14",
    " ", " ", " ", " ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", "\x0b", "\x0c", "\x1c", "\x85", "\u00a0", "\u1680", "\u2003", "\u2028", "\u202f", "\u3000",
    "\ufeff", "\u200b", "\u200d", "\u2060", "\u00ad", "\u180e", ".", ",", "!", "-", "_", "__proto__", "toString", "$", "+", "<", ">", "|", "~", "^", "`", "\u00bf", "\u2014",
    "\u201c", "\u3001", "\u00a7", "\u20ac", "\u2212", "\u00e9", "e\u0301", "a\u0300\u0301", "\u0344", "\u1e9b\u0323", "\u00c4", "\u00df", "\u1e9e", "\u0130", "\u0131", "\u0149",
    "\u03a3", "\u03c3", "\u03c2", "\u039f\u03a3", "\u212a", "\u017f", "\ufb01", "\uff21", "\uff41", "\u00bd", "\u00b2", "\u2460", "\u2163", "\u2122", "\u0661", "\u0967", "\U0001d7d8",
    "\u4e2d", "\u6587", "\u4e2d\u6587", "\u6f22\u5b57", "\u3042", "\u30ab", "\u30fc", "\u304b\u3099", "\uff76\uff9e", "\ud55c\uad6d", "\u1112\u1161\u11ab", "\uac00\u11a8",
    "\u0434\u0430", "\u0419", "\u0439", "\u0627\u0644", "\u0640", "\u064e", "\u05d0\u05b8", "\u0939\u093f", "\u0e01\u0e33", "\u0915\u094d\u0937", "\U0001f600", "\U0001f468\u200d\U0001f469",
    "\U0001f1e9\U0001f1ea", "\U0001f44d\U0001f3fd", "\u2764\ufe0f", "\U00020000", "\U0001d49c", "\ue000", "\u0378", "\ufffd", "\ufffe", "\x00", "\x07", "\x7f", "\x8f",
    "<unk>", "</s>", "<pad>", "<s>", "\u2581", "\u2581the", "\u0120", "<0x41>", "a.b", "$&", "\\n",
]


def texts(count, seed):
    draw = random.Random(seed)
    fixed = ["", " ", "  ", "a", "the cat", " the  them ", "</s>", "</s></s> <pad>the", "the</s>"]
    return fixed[:count] + ["".join(draw.choices(PARTS, k=draw.randint(1, 14))) for _ in range(count - len(fixed))]


def ids_of(rust, text):
    try:
        return rust.encode(text).ids
    except Exception:
        return None
    except BaseException:  # A panic is no Exception; what it interrupts has no result to compare with.
        return False


def written(settings):
    """The model that most features share stands in the table once."""
    return {key: value for key, value in settings.items() if value is not TELLING}


def row(name, settings, some):
    try:
        rust = tokenizers.Tokenizer.from_str(json.dumps(settings))
    except BaseException:
        return {"name": name, "tokenizer": written(settings), "ids": None}
    # Transformers does so at each call.
    rust.no_truncation()
    rust.no_padding()
    return {"name": name, "tokenizer": written(settings), "ids": [ids_of(rust, text) for text in some]}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--texts", type=int, default=24)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--file", action="append", default=[], help="a tokenizer.json to ask about as well")
    given = arguments.parse_args()
    print(f"tokenizers {tokenizers.__version__}, Unicode {unicodedata.unidata_version} in Python", file=sys.stderr)
    some = texts(given.texts, given.seed)
    print(json.dumps({"texts": some, "model": TELLING}))
    rows = [*features(), *((file, json.load(open(file, encoding="utf-8"))) for file in given.file)]
    for name, settings in rows:
        print(json.dumps(row(name, settings, some), separators=(",", ":")))


main()
