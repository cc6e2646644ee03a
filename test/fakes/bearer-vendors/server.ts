/**
 * Vendors whose keys only people make and delete, side by side at one address: Cohere's check of a key, and Mistral's list of
 * models. Pages: https://docs.cohere.com/reference/checkapikey (200 with `valid` and `organization_id`; 401 with `message`),
 * https://docs.mistral.ai/api/#tag/models (401 with `detail`), read 2026-11.
 */
import { randomBytes } from 'node:crypto';
import type { FakeAnswer, FakeRequest, Operation, Vendor } from '../fake-server.ts';
import type { VendorOptions } from '../main.ts';

export interface BearerVendorsSettings {
  /** Keys that are good and may not ask. */
  forbidden: readonly string[];
}

interface Key {
  readonly value: string;
  readonly organization: string;
  live: boolean;
}

export function bearerVendors({ adminKey, onValue }: VendorOptions): Vendor<BearerVendorsSettings> {
  const settings: BearerVendorsSettings = { forbidden: [] };
  // The control key: of the organization that targets belong to.
  const keys: Key[] = [{ value: adminKey, organization: 'org-home', live: true }];
  let lastValue: string | undefined;

  const asked =
    ({ headers }: FakeRequest, no: (status: number, words: string) => FakeAnswer, yes: (key: Key) => unknown) =>
    () => {
      const value = headers.authorization?.replace(/^Bearer /, '');
      const key = keys.find((one) => one.value === value && one.live);
      if (key === undefined) return no(401, 'invalid api token');
      if (settings.forbidden.includes(key.value)) return no(403, 'not permitted');
      return { status: 200, body: yes(key) };
    };
  const cohereNo = (status: number, message: string): FakeAnswer => ({ status, body: { message } });
  const mistralNo = (status: number, detail: string): FakeAnswer => ({ status, body: { detail } });

  return {
    settings,
    operation(request): Operation {
      const verb = `${request.method} ${request.path}`;
      if (verb === 'POST /v1/check-api-key') {
        const whose = ({ organization }: Key) => ({ valid: true, organization_id: organization, owner_id: 'owner' });
        return { name: 'check', perform: asked(request, cohereNo, whose) };
      }
      if (verb === 'GET /v1/models')
        return { name: 'models', perform: asked(request, mistralNo, () => ({ object: 'list', data: [{ id: 'm' }] })) };
      return { name: 'unknown', perform: () => cohereNo(404, 'no such path') };
    },
    failure: (status, message) => ({ status, body: { message, detail: message } }),
    lastValue: () => lastValue,
    control: {
      // What a person does in the dashboard.
      'POST /keys': (body) => {
        const { length = 40, organization = 'org-home' } = Object(body) as { length?: number; organization?: string };
        const value = randomBytes(2 * length)
          .toString('base64')
          .replace(/[^A-Za-z0-9]/g, '')
          .slice(0, length);
        lastValue = value;
        onValue(value);
        keys.push({ value, organization, live: true });
        return { value };
      },
      'POST /delete': (body) => {
        const { value } = Object(body) as { value: string };
        for (const key of keys) if (key.value === value) key.live = false;
        return {};
      },
    },
  };
}
