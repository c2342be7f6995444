/** The kind of mistake that an error reports. Codes stay the same across releases, for programs that branch on them. */
export type ErrorCode =
  | 'INVALID_ARGUMENT' // an option or argument of a function or command
  | 'INVALID_CHECKPOINT' // a safetensors file or index breaks a rule of its format
  | 'INVALID_CONFIG' // config.json misses a key or holds a value that its architecture cannot have
  | 'INVALID_DATA' // a row of a task's data
  | 'INVALID_RECIPE' // the YAML recipe
  | 'MISMATCH' // models, tokenizers or Fishers that do not belong together
  | 'NOT_FOUND' // a file or folder that should be there
  | 'EXISTS' // an output that is there already
  | 'LOCKED' // an output that another run is writing
  | 'IO' // reading or writing failed
  | 'UNSUPPORTED' // asked for what this build or version does not do
  | 'INVALID_STATE' // a call on an engine that builds on another one, which was not made or failed
  | 'BUSY' // a second job on an engine that is working
  | 'CLOSED' // a job on an engine that was closed
  | 'NUMERIC' // a loss, weight or score that is not finite
  | 'NATIVE_LOAD'; // the native addon could not be loaded

/** Every error that dfmerge throws on purpose; its message is meant for the user as it stands. */
export class DfMergeError extends Error {
  override readonly name = 'DfMergeError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}
