/**
 * The REST bodies of generateContent, built from the maker's own types. These declare enums, which a type-only import cannot
 * name the values of, so each is opened to its strings here.
 */
import type {
  Content,
  FunctionCallingConfig,
  FunctionCallingConfigMode,
  FunctionDeclaration,
  GenerationConfig,
  Part,
  PartMediaResolution,
  PartMediaResolutionLevel,
  Schema,
  ThinkingConfig,
  ThinkingLevel,
  Type,
} from '@google/genai';

export interface RestSchema extends Omit<Schema, 'type' | 'items' | 'anyOf' | 'properties'> {
  type?: `${Type}`;
  items?: RestSchema;
  anyOf?: RestSchema[];
  properties?: Record<string, RestSchema>;
}

export interface RestPart extends Omit<Part, 'mediaResolution'> {
  mediaResolution?: Omit<PartMediaResolution, 'level'> & { level: `${PartMediaResolutionLevel}` };
}

export interface RestContent extends Omit<Content, 'parts' | 'role'> {
  role: 'user' | 'model';
  parts: RestPart[];
}

export interface RestFunctionDeclaration extends Omit<FunctionDeclaration, 'parameters'> {
  name: string;
  parameters?: RestSchema;
}

export interface RestToolConfig {
  functionCallingConfig: Omit<FunctionCallingConfig, 'mode'> & { mode: `${FunctionCallingConfigMode}` };
}

export type RestThinkingLevel = Exclude<`${ThinkingLevel}`, 'THINKING_LEVEL_UNSPECIFIED'>;

export interface RestGenerationConfig extends Omit<GenerationConfig, 'responseSchema' | 'thinkingConfig'> {
  responseSchema?: RestSchema;
  thinkingConfig?: Omit<ThinkingConfig, 'thinkingLevel'> & { thinkingLevel?: RestThinkingLevel };
}

export interface RestBody {
  contents: RestContent[];
  systemInstruction?: { parts: RestPart[] };
  tools?: { functionDeclarations: RestFunctionDeclaration[] }[];
  toolConfig?: RestToolConfig;
  generationConfig?: RestGenerationConfig;
}
