import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { packageRoot } from '../../bindings/index.js';

const build = join(packageRoot(), 'build');

/** The lines that a program of binutils prints, or undefined where it is not installed. */
function lines(command: string, parameters: string[]): string[] | undefined {
  const { status, stdout } = spawnSync(command, parameters, { encoding: 'utf8', maxBuffer: 1 << 26 });
  return status === 0 ? stdout.split('\n').filter((line) => line !== '') : undefined;
}

/** Registers a test of the release build in build/. Where that or binutils is absent the test passes and says that it was skipped. */
function binaryTest(title: string, body: (t: ExecutionContext) => void): void {
  test(title, (t) => {
    const cache = join(build, 'CMakeCache.txt');
    const release = existsSync(cache) && /CMAKE_BUILD_TYPE:\w+=Release/.test(readFileSync(cache, 'utf8'));
    const plain = release && !/DFMERGE_SANITIZE:\w+=(address|thread)/.test(readFileSync(cache, 'utf8'));
    if (process.platform === 'linux' && plain && lines('nm', ['--version'])) return body(t);
    t.log('skipped: needs a release build on Linux, and binutils');
    t.pass();
  });
}

function objects(under: RegExp): string[] {
  const all = readdirSync(join(build, 'CMakeFiles'), { recursive: true }) as string[];
  return all.filter((file) => file.endsWith('.o') && under.test(file)).map((file) => join(build, 'CMakeFiles', file));
}

interface Symbol {
  /** The letter of nm: U is undefined, T code, D data, W and V are weak, and local symbols have lower case. */
  kind: string;
  name: string;
}

function symbols(file: string): Symbol[] {
  return (lines('nm', ['-C', file]) ?? []).map((line) => ({ kind: line.slice(17, 18), name: line.slice(19) }));
}

binaryTest('our code never ends the process and never prints', (t) => {
  const banned =
    /^(abort|exit|_exit|_Exit|quick_exit|__assert_fail|raise|kill|v?f?printf|__v?f?printf_chk|puts|putchar|fputs|fputc|perror|stdout|stderr|std::(cout|cerr|clog))$/;
  const ours = objects(/^(dfmerge|kernels_)[^/]*\.dir\/(native|bindings)\//);
  t.true(ours.length > 10);
  for (const object of ours) {
    const used = symbols(object).filter(({ kind, name }) => kind === 'U' && banned.test(name));
    t.deepEqual(used, [], basename(object));
  }
});

binaryTest(
  'kernels of one instruction set hold their own names only, nothing the linker could give to another machine',
  (t) => {
    const kernels = objects(/^kernels_\w+_(rows|matmul)\.dir\//);
    t.true(kernels.length >= 4); // scalar and generic at least, rows and matmul
    for (const object of kernels) {
      const isa = /kernels_(\w+)_(?:rows|matmul)\.dir/.exec(object)?.[1] ?? '';
      const own = new RegExp(`^dfmerge::(${isa}::.*|k(Kernels|FloatMatmul|RoundedMatmul|Bf16Matmul)_${isa})$`);
      const allowed = /^(mem(cpy|move|set)|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail)$/;
      const foreign = symbols(object).filter(
        ({ kind, name }) =>
          (/[TDRBUWVuiCG]/i.test(kind) &&
            kind === kind.toUpperCase() &&
            !own.test(name) &&
            !(kind === 'U' && allowed.test(name))) ||
          'wvu'.includes(kind),
      );
      t.deepEqual(foreign, [], isa);
    }
  },
);

binaryTest('the addon asks for a C library only and shows Node nothing but its entry points', (t) => {
  const addon = join(build, 'Release', 'dfmerge.node');
  if (!existsSync(addon)) return t.pass();
  const needed = (lines('objdump', ['-p', addon]) ?? []).flatMap((line) => /NEEDED\s+(\S+)/.exec(line)?.[1] ?? []);
  t.deepEqual(
    needed.filter((library) => !/^(libc|libm|libgcc_s|libpthread|libdl|ld-linux[\w-]*)\.so/.test(library)),
    [],
  );
  const shown = (lines('nm', ['-D', '--defined-only', addon]) ?? []).map((line) => line.split(' ').at(-1));
  t.deepEqual(shown.sort(), ['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
  const versions = (lines('objdump', ['-T', addon]) ?? [])
    .flatMap((line) => /GLIBC_2\.(\d+)/.exec(line)?.[1] ?? [])
    .map(Number);
  t.log(`needs glibc 2.${Math.max(...versions)}`);
});
