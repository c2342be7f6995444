"""What transformers generates with the golden T5s: the ids that test/generation.test.ts compares with.

usage: t5_generation.py GOLDEN > t5_generation.json

GOLDEN is the folder that has t5-v1.0 and t5-v1.1. Input j has the element 2 + (31 i i + 17 i + 7 j j + 13 j) % 158 at i. All inputs are one
padded batch, in float32 with eager attention. Behind an end token transformers fills rows up, which is cut off here.
"""
import json, os, sys
os.environ['HF_HUB_OFFLINE'] = '1'
import torch, transformers
from transformers import T5ForConditionalGeneration

transformers.logging.set_verbosity_error()
LENGTHS = [5, 1, 140, 2, 33, 12, 70, 1, 8, 21]
CASES = [
    ({'maxNewTokens': 32}, [1]),
    ({'maxNewTokens': 12}, [1, 7, 30, 31, 99, 111, 93]),
    ({'maxNewTokens': 32, 'numBeams': 4, 'lengthPenalty': 1.0, 'earlyStopping': False}, [1]),
    ({'maxNewTokens': 32, 'numBeams': 4, 'lengthPenalty': 0.6, 'earlyStopping': True}, [1]),
    ({'maxNewTokens': 12, 'numBeams': 3, 'lengthPenalty': 2.0, 'earlyStopping': False}, [1, 7, 30, 31, 99, 111, 93]),
    ({'maxNewTokens': 12, 'numBeams': 2, 'lengthPenalty': -1.0, 'earlyStopping': False}, [1]),
    ({'maxNewTokens': 1, 'numBeams': 4, 'lengthPenalty': 1.0, 'earlyStopping': False}, [1]),
    ({'maxNewTokens': 5, 'numBeams': 2, 'lengthPenalty': 0.0, 'earlyStopping': True}, [1, 7, 30, 31, 99, 111, 93]),
]
rows = [[2 + (31 * i * i + 17 * i + 7 * j * j + 13 * j) % 158 for i in range(n)] for j, n in enumerate(LENGTHS)]
ids = torch.zeros(len(rows), max(LENGTHS), dtype=torch.long)
mask = torch.zeros_like(ids)
for j, row in enumerate(rows):
    ids[j, :len(row)] = torch.tensor(row)
    mask[j, :len(row)] = 1


def cut(row, ends):
    for i, token in enumerate(row):
        if token in ends:
            return row[:i + 1]
    return row


cases = [{'options': options, 'endTokens': ends, 'ids': {}} for options, ends in CASES]
for name in ['t5-v1.0', 't5-v1.1']:
    model = T5ForConditionalGeneration.from_pretrained(
        f'{sys.argv[1]}/{name}/models/base', attn_implementation='eager', dtype=torch.float32).eval()
    for case in cases:
        o = case['options']
        beams = {'length_penalty': o['lengthPenalty'], 'early_stopping': o['earlyStopping']} if 'numBeams' in o else {}
        with torch.no_grad():
            out = model.generate(input_ids=ids, attention_mask=mask, do_sample=False, max_new_tokens=o['maxNewTokens'],
                                 num_beams=o.get('numBeams', 1), eos_token_id=case['endTokens'], **beams)
        case['ids'][name] = [cut(row[1:].tolist(), case['endTokens']) for row in out]
lines = ',\n '.join(json.dumps(case) for case in cases)
print(f'{{"transformers": "{transformers.__version__}", "lengths": {LENGTHS}, "cases": [\n {lines}\n]}}')
