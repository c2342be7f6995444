/** The architecture of T5 1.0, T5 1.1, Flan-T5 and mT5. */
import { registerArchitecture } from '../architecture.js';
import { engineConfig, newConfig, parseT5Config } from './config.js';
import { openFamily } from './family.js';
import { canIgnore, isDispensable, nameOf } from './names.js';

registerArchitecture({
  name: 't5',
  title: 'T5',
  transformersClass: 'AutoModelForSeq2SeqLM',
  modelTypes: ['t5', 'mt5'],
  unlike: { umt5: 'umt5 has a position bias in every block, which this engine does not compute' },
  tokenizerClass: 'T5Tokenizer',
  nameOf,
  canIgnore,
  isDispensable,
  openFamily,
  engineConfig: (config, file, onWarning) =>
    engineConfig(parseT5Config(config, file, onWarning), config.tie_word_embeddings !== false),
  newConfig,
});
