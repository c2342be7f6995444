"""Which odd checkpoints of a tiny T5 transformers loads wholly: what test/checkpoint_odd.test.ts asks of the engine.

usage: t5_checkpoints.py FOLDER > t5_checkpoints.json

FOLDER holds a checkpoint folder per case of t5_checkpoints.cases.json, named by its number; the test writes them where
DFMERGE_KEEP_ODD names FOLDER. A checkpoint counts as loaded where no error came and no parameter was initialised anew.
"""
import json, os, sys
os.environ['HF_HUB_OFFLINE'] = '1'
import transformers
from transformers import AutoModelForSeq2SeqLM

HERE = os.path.dirname(os.path.abspath(__file__))
transformers.logging.set_verbosity_error()
loads = {}
for i, case in enumerate(json.load(open(f'{HERE}/t5_checkpoints.cases.json'))):
    try:
        _, info = AutoModelForSeq2SeqLM.from_pretrained(f'{sys.argv[1]}/{i}', output_loading_info=True)
        loads[case['name']] = not info['missing_keys'] and not info.get('mismatched_keys')
    except Exception as error:
        print(case['name'], type(error).__name__, str(error)[:200], file=sys.stderr)
        loads[case['name']] = False
print(json.dumps({'transformers': transformers.__version__, 'loads': loads}, indent=1))
