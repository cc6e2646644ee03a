import { openAiFamily } from '../crash/families.ts';
import { escalationSample } from '../crash/escalation-sample.ts';

/** The provider mints the value: what a killed create has made is found by its tag alone, and nothing can be suspended. */
escalationSample('openai', openAiFamily, false, [
  { step: 'issuing', point: 'provider.issue:after', leaked: 'old' },
  { step: 'soaking', point: undefined, leaked: 'new' },
  { step: 'revoking', point: 'provider.revoke:before', leaked: 'both' },
]);
