import { runFake } from '../main.ts';
import { pagerDutyVendor } from './server.ts';

await runFake(pagerDutyVendor);
