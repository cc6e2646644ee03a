import { afterAll, beforeAll, describe } from 'vitest';
import { postgresPlace, sqlitePlace } from './places.ts';
import { authorisingSuite } from './suites/authorising.ts';
import { drillSuite } from './suites/drills.ts';
import { evidenceSuite } from './suites/evidence.ts';
import { incidentSuite } from './suites/incidents.ts';
import { inventorySuite } from './suites/inventory.ts';
import { killFactsSuite } from './suites/kill-facts.ts';
import { killingSuite } from './suites/killing.ts';
import { peopleSuite } from './suites/people.ts';
import { promotingSuite } from './suites/promoting.ts';
import { runSuite } from './suites/runs.ts';
import { suspendingSuite } from './suites/suspending.ts';
import { sweepSuite } from './suites/sweeping.ts';
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
    suspendingSuite(place);
    killingSuite(place);
    peopleSuite(place);
    incidentSuite(place);
    killFactsSuite(place);
    drillSuite(place);
    sweepSuite(place);
    trustSuite(place);
  });
}
