import { codeBlock } from './markdown.js';

/** How a model folder is used, by transformers and by dfmerge. */
export function howToUse(transformersClass: string): string {
  return `## How to use it

${codeBlock(
  'python',
  `from transformers import ${transformersClass}, AutoTokenizer

folder = "."  # this folder, or its identifier on the Hub
tokenizer = AutoTokenizer.from_pretrained(folder)
model = ${transformersClass}.from_pretrained(folder)
inputs = tokenizer("the text of an input, in the form of the training data", return_tensors="pt")
print(tokenizer.decode(model.generate(**inputs, max_new_tokens=20)[0], skip_special_tokens=True))`,
)}

An accuracy says how often the right one among given answers has the lowest negative log-likelihood per token, as here:

${codeBlock(
  'sh',
  `dfmerge predict --model . --choices negative,positive "the text of an input"
dfmerge evaluate --model . --data FOLDER --split test`,
)}
`;
}

/** What an accuracy is called in tables: `61.2`, in percent. */
export function percentage(fraction: number): string {
  return (100 * fraction).toFixed(1);
}
