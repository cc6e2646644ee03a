/** The vendors whose providers are declared, side by side at one address: none of their paths meet. */
import type { FakeRequest, Operation, Vendor } from '../fake-server.ts';
import { keyStore, type Spread } from '../key-store.ts';
import type { VendorOptions } from '../main.ts';
import { elevenLabs } from './elevenlabs.ts';
import { fireworks } from './fireworks.ts';
import type { VendorPart } from './vendor.ts';
import { xai } from './xai.ts';

export interface DeclaredVendorsSettings {
  spread: Spread;
}

const parts: readonly VendorPart[] = [elevenLabs, fireworks, xai];

export function declaredVendors({ adminKey, onValue }: VendorOptions): Vendor<DeclaredVendorsSettings> {
  const settings: DeclaredVendorsSettings = { spread: { create: 0, revoke: 0 } };
  const store = keyStore(() => settings.spread, onValue);
  const failure = (status: number, message: string) => ({ status, body: { error: message, detail: { message } } });

  return {
    settings,
    operation(request: FakeRequest): Operation {
      for (const part of parts) {
        const operation = part(request, { store, adminKey });
        if (operation !== undefined) return operation;
      }
      return { name: 'unknown', perform: () => failure(404, 'Not Found') };
    },
    failure,
    lastValue: () => store.lastValue(),
    control: {},
  };
}
