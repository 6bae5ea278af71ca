// Jest loads this before each test file (setupFilesAfterEnv).
import { beginTest, endFile, endTest } from './cleanup';

beforeEach(beginTest);
afterEach(endTest);
afterAll(endFile);
