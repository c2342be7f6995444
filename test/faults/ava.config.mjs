// Cases that hurt a running command: npm run test:faults. They are no part of `npm test`, since some take a minute and need rights.
export default {
  files: ['dist/test/faults/**/*.test.js'],
  timeout: '10m',
  concurrency: 2,
  workerThreads: false,
  environmentVariables: { DFMERGE_CACHE: 'off' },
};
