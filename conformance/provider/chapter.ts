import type { Provider, Traits } from '../../providers/provider.ts';
import type { Bench, ProviderSuiteOptions } from './harness.ts';

/** Where the chapters of the suite put their tests; they may ask what the adapter can do to decide which to put. */
export interface Chapter<Settings> {
  readonly provider: Provider<Settings>;
  readonly traits: Traits;
  readonly options: ProviderSuiteOptions<Settings>;
  readonly test: (name: string, run: (bench: Bench<Settings>) => Promise<void>) => void;
}
