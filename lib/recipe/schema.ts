import { z } from 'zod';
import { COMPUTE_DTYPES, FISHER_MODES } from '../../bindings/index.js';
import { homePath } from '../core/paths.js';
import { MAX_SEED } from '../core/random.js';
import { METHOD_SPELLINGS, METHODS, methodNamed } from '../methods/index.js';
import { FISHER_PLACES } from '../methods/method.js';
import type { MethodParameter } from '../methods/parameter.js';
import { SPLITS } from '../tasks/rows.js';
import { OUTPUT_DTYPES } from '../checkpoint/write.js';
import { MAX_FLOAT32 } from '../core/kinds.js';
import { ACQUISITIONS, LEAST_EPSILON, OPTIMIZERS } from './recipe.js';

const path = z
  .string()
  .min(1)
  .refine((written) => homePath(written) === undefined, {
    error: ({ input }) => `the folder itself, since only a shell replaces ~: ${homePath(input as string)}`,
  });

const coefficientWords = { error: 'a number that float32 holds, up to 3.4e38 in size' };

const coefficient = z.number().min(-MAX_FLOAT32, coefficientWords).max(MAX_FLOAT32, coefficientWords);

function integerFrom(least: number) {
  const words = { error: `an integer of at least ${least}` };
  return z.int(words).min(least, words);
}

/** A parameter takes any number here; `check_parameters.ts` checks its range and whether the method has it. */
function numberOf({ name, perModel }: MethodParameter) {
  return z
    .number({
      error: ({ input }) =>
        perModel && Array.isArray(input)
          ? `one number for the whole model (${name}s per layer or by filter are not supported)`
          : undefined,
    })
    .pipe(coefficient);
}

/** A key for each parameter that some method has. */
const PARAMETERS = [...new Map(METHODS.flatMap((method) => method.parameters.map((p) => [p.name, p]))).values()];

const modelParameters = z.strictObject(
  Object.fromEntries(
    PARAMETERS.filter(({ perModel }) => perModel).map((parameter) => [parameter.name, numberOf(parameter).optional()]),
  ),
);

const fisherFile = z.strictObject({ path, force: z.boolean().default(false) });

const model = z.strictObject({
  model: path,
  task: z.string().min(1).optional(),
  parameters: modelParameters.optional(),
  fisher: z
    .union([path.transform((file) => ({ path: file, force: false })), fisherFile], {
      error: ({ input }) => {
        const home = typeof input === 'string' ? homePath(input) : undefined;
        if (home !== undefined) return `the file itself, since only a shell replaces ~: ${home}`;
        return 'the path of a file of dfmerge fisher, or { path: FILE, force: true }';
      },
    })
    .optional(),
});

const parameters = z.strictObject(
  Object.fromEntries(
    PARAMETERS.map((parameter) => [
      parameter.name,
      (parameter.type === 'boolean' ? z.boolean() : numberOf(parameter)).optional(),
    ]),
  ),
);

// Names of tasks become keys of JSON objects and columns of tables. That they begin with a letter or digit also keeps out `__proto__`.
const taskName = z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N} ._:/-]*$/u);

const task = z.strictObject({ data: path });

const samplesWords = { error: 'an integer of at least 1, or all' };

const seedWords = { error: `an integer from 0 to ${MAX_SEED}` };

const epsilonWords = {
  error: `a number of at least ${LEAST_EPSILON}, by which a merge divides wherever a Fisher is 0`,
};

const minWeightWords = { error: 'a number from 0 to 1' };

const fisher = z.strictObject({
  mode: z.enum(FISHER_MODES).default('exact'),
  samples: z.union([z.int().min(1, samplesWords), z.literal('all')], samplesWords).default(30),
  split: z.enum(SPLITS).default('validation'),
  at: z.enum(FISHER_PLACES).optional(),
  epsilon: z.number(epsilonWords).min(LEAST_EPSILON, epsilonWords).max(MAX_FLOAT32, epsilonWords).default(1e-12),
  min_weight: z.number(minWeightWords).min(0, minWeightWords).max(1, minWeightWords).default(0),
});

const search = z.strictObject({
  acquisition: z.enum(ACQUISITIONS).default('ei'),
  xi: z.number().min(0).default(0.01),
  kappa: z.number().min(0).default(2.576),
  init: integerFrom(1).default(10),
  iterations: integerFrom(0).default(50),
  validation_ratio: z.number().positive().max(1).default(1),
  early_stopping: z.boolean().default(false),
  early_stopping_margin: z.number().min(0).max(100).default(0),
  seed: z.int(seedWords).min(0, seedWords).max(MAX_SEED, seedWords).default(1),
  optimizer: z.enum(OPTIMIZERS).default('default'),
  bounds: z
    .tuple([coefficient, coefficient], {
      error: ({ code }) =>
        code === 'invalid_type' || code === 'too_small' || code === 'too_big'
          ? 'two numbers: [lower, upper]'
          : undefined,
    })
    .refine(([lower, upper]) => lower < upper, { error: 'two numbers, the lower limit first: [lower, upper]' })
    .default([0, 1]),
});

/** A recipe's shape and defaults, key by key; `check.ts` checks what its values must be to each other. */
export const recipeSchema = z.strictObject({
  merge_method: z.enum(METHOD_SPELLINGS).transform((spelling) => methodNamed(spelling).name),
  base_model: path,
  models: z.array(model).min(1),
  parameters: parameters.default({}),
  tasks: z.record(taskName, task).default({}),
  fisher: z.union([z.literal('none'), fisher], { error: 'a section of settings, or none' }).prefault({}),
  search: search.prefault({}),
  dtype: z.enum(OUTPUT_DTYPES).optional(),
  out_dtype: z.enum(OUTPUT_DTYPES).optional(),
  compute_dtype: z
    .enum(COMPUTE_DTYPES, {
      error: ({ input }) => (input === 'float16' ? 'float32 or bfloat16 (a model overflows in float16)' : undefined),
    })
    .default('float32'),
});

/** A recipe as a JavaScript object, which has the keys of the YAML. A task that is a plain path is short for `{ data: PATH }`. */
export type RecipeInput = Omit<z.input<typeof recipeSchema>, 'tasks'> & {
  tasks?: Record<string, string | { data: string }>;
};

/** A recipe whose every value has the right shape, with the defaults filled in. */
export type ShapedRecipe = z.output<typeof recipeSchema>;

/** What `fisher: none` and an absent section stand for. */
export const defaultFisher = fisher.parse({});

/** The keys that exist, by the path of their section with `*` for list positions and task names. */
export const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(recipeSchema.shape),
  'models.*': Object.keys(model.shape),
  'models.*.fisher': Object.keys(fisherFile.shape),
  'models.*.parameters': Object.keys(modelParameters.shape),
  parameters: Object.keys(parameters.shape),
  'tasks.*': Object.keys(task.shape),
  fisher: Object.keys(fisher.shape),
  search: Object.keys(search.shape),
};

/** mergekit's keys without a counterpart here: saying that one is not supported says more than calling it unknown. */
export const MERGEKIT_KEYS: ReadonlySet<string> = new Set([
  ...['slices', 'modules', 'tokenizer', 'tokenizer_source', 'chat_template', 'layer_range'],
  ...['density', 'lambda', 'int8_mask', 'rescale', 'gamma', 'epsilon', 't', 'select_topk', 'scale', 'filter_wise'],
]);
