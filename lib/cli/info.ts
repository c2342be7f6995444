import { info, type Info } from '../commands/info.js';
import { command } from './command.js';
import { JSON_OPTION, print } from './common.js';

export const infoCommand = command({
  name: 'info',
  describe: 'Show version, CPU, instruction sets, matmul backend, threads, CUDA, memory, cache',
  options: JSON_OPTION,
  examples: [['dfmerge info --json', 'for machines']],
  run: () => {
    const facts = info();
    return { result: facts, show: () => printInfo(facts) };
  },
});

function printInfo(facts: Info): void {
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const rows: [string, string][] = [
    ['dfmerge', facts.version],
    ['node', `${facts.node} (${facts.platform})`],
    ['cpu', facts.cpu],
    [
      'instruction set',
      `${facts.isa.chosen} (this machine: ${facts.isa.available.join(', ')}; this build: ${facts.isa.built.join(', ')})`,
    ],
    [
      'compute dtypes',
      `${facts.compute.dtypes.join(', ')} (${facts.compute.bfloat16 === 'instructions' ? 'with' : 'no'} instructions for bfloat16${facts.compute.bfloat16 === 'instructions' ? '' : ': as slow as float32'})`,
    ],
    ['matmul', facts.matmul],
    ['threads', String(facts.threads)],
    ['cuda', facts.cuda.available ? 'yes' : `no: ${facts.cuda.reason}`],
    ['memory', `${gib(facts.memory.total)}, ${gib(facts.memory.free)} free`],
    ['compiler', facts.compiler],
    [
      'cache',
      facts.cache.folder === null
        ? 'off'
        : `${facts.cache.folder} (${facts.cache.files} files, ${(facts.cache.bytes / 2 ** 20).toFixed(1)} MiB)`,
    ],
  ];
  for (const [name, value] of rows) print(`${name.padEnd(16)} ${value}`);
}
