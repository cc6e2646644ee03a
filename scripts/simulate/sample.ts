/** The seeds that `npm test` plays; mutants are tried on them first, and on more when they live. */
export const sample = { from: 1_000, seeds: 1_200 } as const;
