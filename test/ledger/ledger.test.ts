import { afterAll, beforeAll, describe } from 'vitest';
import { postgresPlace, sqlitePlace } from './places.ts';
import { authorisingSuite } from './suites/authorising.ts';
import { evidenceSuite } from './suites/evidence.ts';
import { inventorySuite } from './suites/inventory.ts';
import { killingSuite } from './suites/killing.ts';
import { peopleSuite } from './suites/people.ts';
import { promotingSuite } from './suites/promoting.ts';
import { runSuite } from './suites/runs.ts';
import { trustSuite } from './suites/trust.ts';
import { versionSuite } from './suites/versions.ts';

// One suite on both databases: what holds on one and not on the other is a bug of the other.
for (const place of [sqlitePlace(), postgresPlace()]) {
  describe(`a ledger on ${place.dialect}`, () => {
    beforeAll(() => place.start());
    afterAll(() => place.stop());
    inventorySuite(place);
    runSuite(place);
    versionSuite(place);
    promotingSuite(place);
    evidenceSuite(place);
    authorisingSuite(place);
    killingSuite(place);
    peopleSuite(place);
    trustSuite(place);
  });
}
