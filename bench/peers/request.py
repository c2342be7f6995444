"""What every peer's program shares: the request (JSON, the first argument), random ids, and the timing of runs.

A request holds what to do (keys of the program's own), `threads`, `repeats`, `folder` (a scratch folder of the benchmark's run) and, where a
model runs, `shape` (dModel, dKv, dFf, layers, numHeads, vocabSize) and `rows` ({input, choices}: lengths in tokens, `</s>` included).
"""
import json
import random
import resource
import sys
import time

END = 1  # </s>
FIRST_WORD = 3  # behind <pad>, </s> and <unk>
PATIENCE = 20.0  # seconds of timed runs after which no further one begins


def read():
    return json.loads(sys.argv[1])


def token_ids(rows, vocab_size):
    """[(input ids, [ids of each choice])] of the lengths asked for."""
    stream = random.Random(0)

    def sequence(length):
        return [stream.randrange(FIRST_WORD, vocab_size) for _ in range(length - 1)] + [END]

    return [(sequence(row["input"]), [sequence(length) for length in row["choices"]]) for row in rows]


def report(run, repeats, warm_up=None):
    """Warms up, times `run` up to `repeats` times and prints {seconds, peak}: one entry per run, peak resident bytes."""
    (warm_up or run)()
    seconds = []
    while len(seconds) < repeats and sum(seconds) < PATIENCE:
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    unit = 1 if sys.platform == "darwin" else 1024
    print(json.dumps({"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}))
