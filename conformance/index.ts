// What authors of adapters outside this repository import as `keybaton/conformance`.
export { backendSuite } from './backend-suite.ts';
export type { BackendSubject, BackendSuiteSetup } from './backend-suite.ts';
export { providerSuite } from './provider-suite.ts';
export type { ConformanceTest, ConsumerUse, ProviderSuiteOptions } from './provider/harness.ts';
