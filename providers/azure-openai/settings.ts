import { z } from 'zod';

const milliseconds = z.int().min(0);
const uuid = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'expected an id such as 3fa85f64-5717-...');
const name = z.string().regex(/^[A-Za-z0-9._()-]{1,90}$/, 'expected the name of an Azure resource');

export const azureOpenAiSettings = z.strictObject({
  /** Directory (tenant) and application (client) id of the identity whose client secret is the admin credential. */
  tenant: uuid,
  client: uuid,
  subscription: uuid,
  resourceGroup: name,
  /** The Cognitive Services account whose two keys take turns. */
  account: name,
  /** Where keys are used: `https://NAME.openai.azure.com`. */
  endpoint: z.url(),
  /** Last characters of keys that nobody holds: a slot without our mark may be issued over while its key ends so. Void once it was. */
  idle: z.array(z.string().regex(/^[A-Za-z0-9]{4,12}$/, 'expected the last 4 to 12 characters of a key')).default([]),
  managementUrl: z.url().default('https://management.azure.com'),
  loginUrl: z.url().default('https://login.microsoftonline.com'),
  // The vendor says that the old value stops at once, and nothing of how soon the new one works.
  createSpread: milliseconds.default(60_000),
  revokeSpread: milliseconds.default(30_000),
  lateCreate: milliseconds.default(60_000),
  callTimeout: z.int().min(100).max(15_000).default(10_000),
});

export type AzureOpenAiSettings = z.output<typeof azureOpenAiSettings>;
