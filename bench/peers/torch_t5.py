"""Times a T5 of random weights in PyTorch and transformers.

The request holds `work` (one of those below), `dtype` (float32 or bfloat16), and `shape` and `rows`, or `m`, `n` and `k`.

fisher  exact Fisher as the method's published script computes it: one input at a time; a forward pass for the choices' probabilities, then for
        every choice a forward and backward pass of its own, gradients squared, weighted and added per parameter
score   NLL of every choice: padded batches, the encoder once per input
train   one AdamW step on the first choice of every row, one padded batch
matmul  x [m, k] times the transpose of W [n, k]
"""
import warnings

import request

warnings.filterwarnings("ignore")
import torch  # noqa: E402
from torch.nn import functional  # noqa: E402
from transformers import T5Config, T5ForConditionalGeneration  # noqa: E402

IGNORED = -100
SCORED_AT_ONCE = 128  # inputs


def make_model(shape, dtype):
    config = T5Config(
        d_model=shape["dModel"], d_kv=shape["dKv"], d_ff=shape["dFf"], num_layers=shape["layers"], num_heads=shape["numHeads"],
        vocab_size=shape["vocabSize"], dropout_rate=0.0, use_cache=False, decoder_start_token_id=0,
    )
    torch.manual_seed(0)
    return T5ForConditionalGeneration(config).eval().to(dtype)


def padded(sequences, filler):
    width = max(len(sequence) for sequence in sequences)
    return torch.tensor([sequence + [filler] * (width - len(sequence)) for sequence in sequences])


def nll_of_choices(model, inputs, choices):
    """NLL per choice of all inputs in one batch; choices: a list per input."""
    ids = padded(inputs, 0)
    mask = (ids != 0).long()
    times = torch.tensor([len(of_input) for of_input in choices])
    encoded = model.get_encoder()(input_ids=ids, attention_mask=mask)
    encoded.last_hidden_state = encoded.last_hidden_state.repeat_interleave(times, 0)
    labels = padded([choice for of_input in choices for choice in of_input], IGNORED)
    logits = model(attention_mask=mask.repeat_interleave(times, 0), encoder_outputs=encoded, labels=labels).logits
    return functional.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED, reduction="none").view(labels.shape).sum(1)


def fisher(model, rows):
    totals = {name: torch.zeros_like(value) for name, value in model.named_parameters()}
    for ids, choices in rows:
        with torch.no_grad():
            lengths = torch.tensor([len(choice) for choice in choices])
            probabilities = torch.softmax(-nll_of_choices(model, [ids], [choices]) / lengths, 0)
        for probability, choice in zip(probabilities, choices):
            model.zero_grad()
            # transformers' loss is the mean over the label tokens: its gradient is that of the length-normalised NLL
            model(input_ids=torch.tensor([ids]), labels=torch.tensor([choice])).loss.backward()
            with torch.no_grad():
                for name, value in model.named_parameters():
                    totals[name] += probability * value.grad.square()
    return {name: total / len(rows) + 1e-12 for name, total in totals.items()}


@torch.inference_mode()
def score(model, rows):
    for first in range(0, len(rows), SCORED_AT_ONCE):
        part = rows[first:first + SCORED_AT_ONCE]
        nll_of_choices(model, [ids for ids, _ in part], [choices for _, choices in part])


def training_step(model, rows):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    model.train()
    ids, labels = padded([ids for ids, _ in rows], 0), padded([choices[0] for _, choices in rows], IGNORED)

    def step():
        optimizer.zero_grad()
        model(input_ids=ids, attention_mask=(ids != 0).long(), labels=labels).loss.backward()
        optimizer.step()

    return step


def main():
    asked = request.read()
    torch.set_num_threads(asked["threads"])
    dtype = getattr(torch, asked["dtype"])
    if asked["work"] == "matmul":
        x, weight = torch.randn(asked["m"], asked["k"]).to(dtype), torch.randn(asked["n"], asked["k"]).to(dtype)
        with torch.inference_mode():
            return request.report(lambda: functional.linear(x, weight), 3 * asked["repeats"])
    model = make_model(asked["shape"], dtype)
    rows = request.token_ids(asked["rows"], asked["shape"]["vocabSize"])
    if asked["work"] == "train":
        return request.report(training_step(model, rows), asked["repeats"])
    if asked["work"] == "score":
        return request.report(lambda: score(model, rows), asked["repeats"])
    return request.report(lambda: fisher(model, rows), asked["repeats"], warm_up=lambda: fisher(model, rows[:1]))


if __name__ == "__main__":
    main()
