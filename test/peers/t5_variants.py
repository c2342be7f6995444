"""What transformers makes of the config.json of tiny T5s: the numbers that test/config_numbers.test.ts compares with.

usage: t5_variants.py > t5_variants.json

Reads t5_variants.cases.json beside it: `config`, and by name what each case has otherwise. Weights are made of their names by hashing, here and in
the test alike, so that none is stored. Prints the NLL of every row's labels under every case, computed in float64, and the versions.
"""
import json, os, sys, tempfile
os.environ['HF_HUB_OFFLINE'] = '1'
import torch, transformers
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForSeq2SeqLM

HERE = os.path.dirname(os.path.abspath(__file__))
MASK = 0xffffffff


def mix(h):
    h ^= h >> 16
    h = h * 0x85ebca6b & MASK
    h ^= h >> 13
    h = h * 0xc2b2ae35 & MASK
    return h ^ h >> 16


def values(name, shape):
    """Float32 values of a tensor, uniform in [-1, 1) times a scale, or in [0.5, 1.5) for a norm. Names are ASCII."""
    seed = 0
    for c in name: seed = (seed * 31 + ord(c)) & MASK
    n = 1
    for s in shape: n *= s
    unit = [mix(seed + i * 0x9e3779b9 & MASK) / 2**32 for i in range(n)]
    if 'layer_norm' in name: return torch.tensor([0.5 + u for u in unit]).reshape(shape)
    scale = 1.0 if 'shared' in name or 'lm_head' in name or 'bias' in name else 0.75
    return torch.tensor([(2 * u - 1) * scale for u in unit]).reshape(shape)


def nll(model, row):
    x, y = torch.tensor([row['input']]), torch.tensor([row['label']])
    with torch.no_grad(): logits = model(input_ids=x, labels=y).logits[0]
    return -torch.log_softmax(logits, -1).gather(-1, y[0][:, None]).sum().item()


def run(case, plain):
    config = {k: v for k, v in {**plain['config'], **case['config']}.items() if v != 'absent'}
    with tempfile.TemporaryDirectory() as folder:
        json.dump(config, open(f'{folder}/config.json', 'w'))
        shapes = AutoModelForSeq2SeqLM.from_config(AutoConfig.from_pretrained(folder)).state_dict()
        tables = {'encoder.embed_tokens.weight', 'decoder.embed_tokens.weight'} | (set() if case.get('head') else {'lm_head.weight'})
        save_file({k: values(k, v.shape) for k, v in shapes.items() if k not in tables}, f'{folder}/model.safetensors', metadata={'format': 'pt'})
        model, info = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float64, output_loading_info=True)
    problems = {k: sorted(v) for k, v in info.items() if v}
    if problems: sys.exit(f"{case['name']}: {problems}")
    return [nll(model.eval(), row) for row in plain['rows']]


torch.manual_seed(0)
transformers.logging.set_verbosity_error()
plain = json.load(open(f'{HERE}/t5_variants.cases.json'))
result = {'transformers': transformers.__version__, 'torch': torch.__version__, 'nll': {c['name']: run(c, plain) for c in plain['cases']}}
print(json.dumps(result, indent=1))
