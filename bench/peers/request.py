"""What every peer's program shares: reading the request, which is JSON in the first argument, random ids, and the timing of runs.

A request holds `threads`, `repeats`, `folder` (a scratch folder of the benchmark's run) and keys of the program's own. Where a model runs, it also
holds `shape` (dModel, dKv, dFf, layers, numHeads, vocabSize) and `rows` ({input, choices}, lengths in tokens with `</s>` included).
"""
import json
import random
import resource
import sys
import time

END = 1  # The id of </s>.
FIRST_WORD = 3  # The first id behind <pad>, </s> and <unk>.
PATIENCE = 20.0  # After this many seconds of timed runs no further one begins.


def read():
    return json.loads(sys.argv[1])


def token_ids(rows, vocab_size):
    """Random ids of the lengths asked for, as [(input ids, [ids of each choice])]."""
    stream = random.Random(0)

    def sequence(length):
        return [stream.randrange(FIRST_WORD, vocab_size) for _ in range(length - 1)] + [END]

    return [(sequence(row["input"]), [sequence(length) for length in row["choices"]]) for row in rows]


def report(run, repeats, warm_up=None, **more):
    """Warms up, times `run` up to `repeats` times, and prints {seconds, peak} and `more`: the seconds of each run, the most bytes resident."""
    (warm_up or run)()
    seconds = []
    while len(seconds) < repeats and sum(seconds) < PATIENCE:
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    unit = 1 if sys.platform == "darwin" else 1024
    print(json.dumps({"seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit, **more}))
