import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { KeybatonError } from '../../domain/errors.ts';
import { temporaryFolder } from '../../scripts/servers/temporary-folder.ts';
import { knownPlaces, type KnownPlacesInput } from '../../worker/known-places.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => void (folder = temporaryFolder('places')));
afterEach(() => folder.remove());

/** A ledger that is away, no kill sheet, and a targets file with one target. */
function input(): KnownPlacesInput {
  const targetsFile = join(folder.path, 'targets.yml');
  writeFileSync(
    targetsFile,
    `targets:
  memory: { provider: in-memory, environment: test, admin: env:ADMIN, teams: [search] }
backends: {}
`,
  );
  return {
    ledger: () => Promise.reject(new KeybatonError('UNAVAILABLE', 'the ledger is down')),
    killSheet: join(folder.path, 'kill-sheet.json'),
    targetsFile,
    installation: 'inst1',
  };
}

it('asks the next source where one fails in a way that nobody has thought of', async () => {
  const broken = { ...input() };
  Object.defineProperty(broken, 'killSheet', {
    get: () => {
      throw new RangeError('out of something');
    },
  });
  expect(await knownPlaces(broken).target('memory')).toMatchObject({ provider: 'in-memory' });
});

it('names every source that was asked, and what was wrong with it', async () => {
  await expect(knownPlaces(input()).target('elsewhere')).rejects.toThrow(
    /target elsewhere is not known: the ledger does not answer; there is no kill sheet .*; the targets file does not have it/,
  );
});
