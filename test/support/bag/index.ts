/** The TypeScript half of test/native/models/bag, an architecture that only tests have. */
import { join } from 'node:path';
import type { EngineConfig } from '../../../bindings/index.js';
import { registerArchitecture } from '../../../lib/architectures/index.js';
import { DfMergeError } from '../../../lib/core/errors.js';

function engineConfig(config: Record<string, unknown>, file: string): EngineConfig {
  const { vocab_size: vocabSize, width } = config;
  if (typeof vocabSize !== 'number' || typeof width !== 'number')
    throw new DfMergeError('INVALID_CONFIG', `${file}: vocab_size and width are expected`);
  return { architecture: 'bag', vocabSize, width };
}

registerArchitecture({
  name: 'bag',
  title: 'bag of tokens',
  transformersClass: 'AutoModel',
  modelTypes: ['bag'],
  engineConfig,
  newConfig: ({ vocabSize, width }) => ({ model_type: 'bag', vocab_size: vocabSize, width }),
  openFamily: async ([base, ...others]) => {
    const [first, ...rest] = [base, ...others].map(({ config, dir }) => engineConfig(config, join(dir, 'config.json')));
    if (rest.some(({ width, vocabSize }) => width !== first.width || vocabSize !== first.vocabSize))
      throw new DfMergeError('MISMATCH', `${base.dir}: the models differ in size`);
    return {
      engineConfig: first,
      tensors: [base, ...others].map(
        ({ tensors }) =>
          (parameter) =>
            tensors.get(parameter),
      ),
      parameterOf: (tensorName) => tensorName,
      addedTensors: [],
      configChanges: {},
    };
  },
});
