"""What transformers' T5Tokenizer makes of tokens that tokenizer.json lacks: what test/further_tokens.test.ts compares with.

usage: t5_tokens.py > t5_tokens.json

Reads t5_tokens.cases.json beside it: `tokenizer` is the tokenizer.json of every case, `texts` are what is tokenized, and a case has the content of
other files by their names, where null keeps a file from being there. Prints the ids of every text, or null where the folder does not load.
"""
import json, os, sys, tempfile
os.environ['HF_HUB_OFFLINE'] = '1'
import transformers
from transformers import AutoTokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
transformers.logging.set_verbosity_error()
plain = json.load(open(f'{HERE}/t5_tokens.cases.json'))
ids = {}
for case in plain['cases']:
    with tempfile.TemporaryDirectory() as folder:
        for name, content in {**plain['files'], **case['files']}.items():
            if content is not None: json.dump(content, open(f'{folder}/{name}', 'w'))
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder)
            ids[case['name']] = [tokenizer(text)['input_ids'] for text in plain['texts']]
            print(case['name'], type(tokenizer).__name__, len(tokenizer), file=sys.stderr)
        except Exception as error:
            print(case['name'], type(error).__name__, str(error)[:200], file=sys.stderr)
            ids[case['name']] = None
print(json.dumps({'transformers': transformers.__version__, 'ids': ids}, indent=1))
