import { z } from 'zod';

const milliseconds = z.int().min(0);

export const awsIamSettings = z.strictObject({
  /** The IAM user that has the keys. It belongs to one credential: keys carry no name. */
  user: z.string().regex(/^[\w+=,.@-]{1,64}$/, 'expected the name of an IAM user'),
  region: z
    .string()
    .regex(/^[a-z]{2}(-[a-z]+)+-\d$/, 'expected a region such as eu-central-1')
    .default('us-east-1'),
  /** Other addresses than AWS's own: another partition, a private endpoint. */
  iamUrl: z.url().optional(),
  stsUrl: z.url().optional(),
  // IAM is eventually consistent and AWS publishes no figure: these are on the safe side.
  createSpread: milliseconds.default(60_000),
  revokeSpread: milliseconds.default(120_000),
  lateCreate: milliseconds.default(60_000),
  usageLag: milliseconds.default(14_400_000),
  callTimeout: z.int().min(100).max(15_000).default(10_000),
});

export type AwsIamSettings = z.output<typeof awsIamSettings>;
