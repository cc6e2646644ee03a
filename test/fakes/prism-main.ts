/** The validating proxy's own command line, ending with its parent: a killed test leaves nothing behind. */
process.stdin.once('end', () => process.exit(0)).resume();
await import('@stoplight/prism-cli/dist/index.js');
