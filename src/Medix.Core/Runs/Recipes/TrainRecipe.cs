namespace Medix.Runs.Recipes;

/// <summary>Everything that decides a training run. Loaded by <see cref="RecipeLoader"/>; what a file leaves out has the default shown here.</summary>
public sealed record TrainRecipe
{
    /// <summary>Name of the run folder.</summary>
    [Meaning("Name of the run; the run folder is runs/NAME-DATE.")]
    public string Name { get; init; } = "train";

    /// <summary>Seed of every draw.</summary>
    [Meaning("Seed of every random draw of the run; the same recipe, seed and machine type give the same reward curve.")]
    public ulong Seed { get; init; } = 1;

    /// <summary>RL steps.</summary>
    [Meaning("Number of reinforcement-learning steps.")]
    [Between(0, 1_000_000)]
    public int Steps { get; init; } = 100;

    /// <summary>The model to start from.</summary>
    public ModelRecipe Model { get; init; } = new();

    /// <summary>What of the model is trained.</summary>
    public TuningRecipe Tuning { get; init; } = new();

    /// <summary>The samples.</summary>
    public DataRecipe Data { get; init; } = new();

    /// <summary>Supervised warm start before RL.</summary>
    public WarmStartRecipe WarmStart { get; init; } = new();

    /// <summary>The composite reward.</summary>
    public RewardRecipe Reward { get; init; } = new();

    /// <summary>Advantage, loss and filter.</summary>
    public AlgorithmRecipe Algorithm { get; init; } = new();

    /// <summary>How responses are drawn.</summary>
    public RolloutRecipe Rollout { get; init; } = new();

    /// <summary>AdamW and its schedule.</summary>
    public OptimizerRecipe Optimizer { get; init; } = new();

    /// <summary>Held-out evaluation before and after.</summary>
    public EvaluationRecipe Evaluation { get; init; } = new();

    /// <summary>Checkpoints during the run.</summary>
    public CheckpointRecipe Checkpoint { get; init; } = new();
}

/// <summary>The model to start from.</summary>
public sealed record ModelRecipe
{
    /// <summary>Folder or <c>nano</c>.</summary>
    [Meaning("Folder of a Qwen3-VL checkpoint in Hugging Face layout, or \"nano\" for the 2.6 M model shipped with Medix.")]
    public string Path { get; init; } = "nano";

    /// <summary>Shape of a new model; null loads <see cref="Path"/>.</summary>
    [Meaning("Shape of a new model with random weights and its own tokenizer, in place of loading one.")]
    public NewModelRecipe? Create { get; init; }

    /// <summary>Precision of the saved model.</summary>
    [Meaning("Precision of the weights that the run saves.")]
    [OneOf("bf16", "fp32")]
    public string SavePrecision { get; init; } = "fp32";

    /// <summary>Licence of the weights; null looks for it.</summary>
    [Meaning("Licence of the model's weights as SPDX id (apache-2.0). Its README.md and LICENSE are read too; where they differ, the stricter counts, with a warning.")]
    public string? License { get; init; }
}

/// <summary>The shape of a new small Qwen3-VL model; the defaults are nano's.</summary>
public sealed record NewModelRecipe
{
    /// <summary>Tokens.</summary>
    [Meaning("Vocabulary of the byte-level BPE tokenizer, trained on the run's own texts.")]
    [Between(512, 200_000)]
    public int Vocabulary { get; init; } = 2048;

    /// <summary>Text width.</summary>
    [Meaning("Width of the text decoder.")]
    [Between(16, 8192)]
    public int Hidden { get; init; } = 128;

    /// <summary>Text depth.</summary>
    [Meaning("Layers of the text decoder.")]
    [Between(1, 128)]
    public int Layers { get; init; } = 6;

    /// <summary>Query heads.</summary>
    [Meaning("Query heads.")]
    [Between(1, 128)]
    public int Heads { get; init; } = 4;

    /// <summary>Key and value heads.</summary>
    [Meaning("Key and value heads; divides the query heads.")]
    [Between(1, 128)]
    public int KeyValueHeads { get; init; } = 2;

    /// <summary>Head width.</summary>
    [Meaning("Width of a head; a multiple of 4.")]
    [Between(8, 256)]
    public int HeadDim { get; init; } = 32;

    /// <summary>MLP width.</summary>
    [Meaning("Width of the text MLP.")]
    [Between(16, 32768)]
    public int Intermediate { get; init; } = 384;

    /// <summary>Vision width.</summary>
    [Meaning("Width of the vision tower.")]
    [Between(16, 4096)]
    public int VisionHidden { get; init; } = 96;

    /// <summary>Vision depth.</summary>
    [Meaning("Blocks of the vision tower; DeepStack features are taken after the first and the middle one.")]
    [Between(2, 64)]
    public int VisionDepth { get; init; } = 4;

    /// <summary>Vision heads.</summary>
    [Meaning("Heads of the vision tower.")]
    [Between(1, 64)]
    public int VisionHeads { get; init; } = 3;

    /// <summary>Image budget.</summary>
    [Meaning("Area in pixels to which pictures are resized.")]
    [Between(4096, 16_777_216)]
    public int ImagePixels { get; init; } = 16_384;
}

/// <summary>Where samples come from and how they are split.</summary>
public sealed record DataRecipe
{
    /// <summary>The kind of source.</summary>
    [Meaning("Kind of data: generated phantoms, the public VQA-RAD folder, Hugging Face parquet, or jsonl with an image folder.")]
    [OneOf("phantoms", "vqa-rad", "parquet", "jsonl")]
    public string Kind { get; init; } = "phantoms";

    /// <summary>File or folder.</summary>
    [Meaning("File or folder of the data, relative to the working directory; not used by phantoms.")]
    public string? Path { get; init; }

    /// <summary>Prompt template.</summary>
    [Meaning("Instructions around the question: the method's full instructions, one line, or nothing.")]
    [OneOf("medical", "short", "bare")]
    public string Prompt { get; init; } = "bare";

    /// <summary>Held-out share.</summary>
    [Meaning("Share of pictures (never of questions) held out for evaluation.")]
    [Between(0.01, 0.9)]
    public double HeldOutFraction { get; init; } = 0.2;

    /// <summary>Held-out cap.</summary>
    [Meaning("At most this many held-out samples are evaluated.")]
    [Between(2, 1_000_000)]
    public int HeldOutLimit { get; init; } = 300;

    /// <summary>Prompt budget.</summary>
    [Meaning("Longest prompt in tokens, image tokens included; longer samples are left out and listed.")]
    [Between(16, 262_144)]
    public int MaxPromptTokens { get; init; } = 256;

    /// <summary>Image budget.</summary>
    [Meaning("Largest image area in pixels that the model sees; null keeps the model's own limit.")]
    [Between(1024, 16_777_216)]
    public int? MaxImagePixels { get; init; }

    /// <summary>Decoding limit.</summary>
    [Meaning("Largest picture in pixels that is decoded at all; larger ones are refused.")]
    [Between(1024, 1_000_000_000)]
    public long MaxDecodedPixels { get; init; } = 64_000_000;

    /// <summary>Phantom training set size.</summary>
    [Meaning("Number of generated training phantoms.")]
    [Between(1, 10_000_000)]
    public int PhantomCount { get; init; } = 4000;

    /// <summary>Only these modalities.</summary>
    [Meaning("Modality tags of the phantoms; empty for all 16.")]
    public IReadOnlyList<string> Modalities { get; init; } = [];

    /// <summary>Licence of the data; null looks for it.</summary>
    [Meaning("Licence of the data as SPDX id (cc-by-nc-sa-4.0). Its README.md, SOURCE.md and LICENSE are read too; where they differ, the stricter counts, with a warning.")]
    public string? License { get; init; }
}

/// <summary>Supervised fine-tuning on reference answers, which stands in for the pre-trained backbone of a real run.</summary>
public sealed record WarmStartRecipe
{
    /// <summary>Steps; 0 skips it.</summary>
    [Meaning("Supervised steps before RL; 0 for none.")]
    [Between(0, 10_000_000)]
    public int Steps { get; init; }

    /// <summary>Samples per step.</summary>
    [Meaning("Samples per supervised step.")]
    [Between(1, 65_536)]
    public int BatchSize { get; init; } = 64;

    /// <summary>Peak rate.</summary>
    [Meaning("Peak learning rate; cosine decay to a tenth after a linear warm-up of a twentieth of the steps.")]
    [Between(0, 1)]
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Decay.</summary>
    [Meaning("AdamW weight decay.")]
    [Between(0, 10)]
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>Wrong demonstrations.</summary>
    [Meaning("Share of lessons that show another answer to the same question: the model then knows more than it says, as a pre-trained one does.")]
    [Between(0, 0.9)]
    public double WrongAnswerShare { get; init; }

    /// <summary>Malformed demonstrations.</summary>
    [Meaning("Share of lessons that leave out the tag, the thinking or all tags.")]
    [Between(0, 0.9)]
    public double MalformedShare { get; init; }

    /// <summary>Augmentation.</summary>
    [Meaning("Shift, scale and change the contrast of training pictures a little (never mirrored: sides have meaning).")]
    public bool Augment { get; init; }
}

/// <summary>The composite reward.</summary>
public sealed record RewardRecipe
{
    /// <summary>Medix's own or the original's.</summary>
    [Meaning("medix: graded text is the last top-level answer, failures are never zero. medix-r1: equal to the original's scores, defects included.")]
    [OneOf("medix", "medix-r1")]
    public string Mode { get; init; } = "medix";

    /// <summary>Weight of the judge's verdict.</summary>
    [Meaning("Weight of the judge's verdict.")]
    [Between(0, 1)]
    public double JudgeWeight { get; init; } = 0.5175;

    /// <summary>Weight of embedding similarity.</summary>
    [Meaning("Weight of embedding similarity.")]
    [Between(0, 1)]
    public double EmbeddingWeight { get; init; } = 0.3375;

    /// <summary>Weight of the modality tag.</summary>
    [Meaning("Weight of the modality tag.")]
    [Between(0, 1)]
    public double ModalityWeight { get; init; } = 0.045;

    /// <summary>Weight of the format.</summary>
    [Meaning("Weight of the format.")]
    [Between(0, 1)]
    public double FormatWeight { get; init; } = 0.1;

    /// <summary>Cosine from which an answer counts.</summary>
    [Meaning("Cosine similarity from which the embedding term is 1.")]
    [Between(-1, 1)]
    public double EmbeddingThreshold { get; init; } = 0.8;

    /// <summary>Limit of unscored rollouts.</summary>
    [Meaning("The run stops when more than this share of a step's rollouts cannot be scored.")]
    [Between(0, 1)]
    public double MaxUnscoredFraction { get; init; } = 0.2;

    /// <summary>Judge endpoint.</summary>
    [Meaning("OpenAI-compatible judge; null for the embedded rule judge.")]
    public EndpointRecipe? Judge { get; init; }

    /// <summary>Embedding endpoint.</summary>
    [Meaning("OpenAI-compatible embeddings; null for embeddingModel, or without it the embedded lexical embedder.")]
    public EndpointRecipe? Embedding { get; init; }

    /// <summary>Folder of a local embedding model; in place of <see cref="Embedding"/>.</summary>
    [Meaning("Folder of an embedding model that runs here (sentence-transformers or BERT, model2vec, word vectors), in place of an endpoint.")]
    public string? EmbeddingModel { get; init; }
}

/// <summary>An OpenAI-compatible endpoint.</summary>
public sealed record EndpointRecipe
{
    /// <summary>Base address.</summary>
    [Meaning("Base address, for example http://localhost:8085/v1.")]
    public string Url { get; init; } = "";

    /// <summary>Model name.</summary>
    [Meaning("Model name sent with each request.")]
    public string Model { get; init; } = "";

    /// <summary>Key variable.</summary>
    [Meaning("Environment variable that holds the API key; null for none.")]
    public string? ApiKeyVariable { get; init; }

    /// <summary>Requests at once.</summary>
    [Meaning("Requests in flight at once.")]
    [Between(1, 1024)]
    public int Concurrency { get; init; } = 8;

    /// <summary>Timeout.</summary>
    [Meaning("Seconds until one try is given up.")]
    [Between(1, 3600)]
    public double TimeoutSeconds { get; init; } = 60;

    /// <summary>Tries.</summary>
    [Meaning("Tries per request before the rollout counts as unscored.")]
    [Between(1, 20)]
    public int Tries { get; init; } = 4;
}

/// <summary>The RL algorithm: a preset and what to change in it.</summary>
public sealed record AlgorithmRecipe
{
    /// <summary>The preset.</summary>
    [Meaning("Composition of advantage, loss, aggregation, filter and clip range.")]
    [OneOf("grpo", "dapo", "gspo")]
    public string Preset { get; init; } = "dapo";

    /// <summary>Lower clip.</summary>
    [Meaning("Lower clip range; null for the preset's.")]
    [Between(0, 0.999)]
    public double? ClipLow { get; init; }

    /// <summary>Upper clip.</summary>
    [Meaning("Upper clip range; null for the preset's.")]
    [Between(0, 100)]
    public double? ClipHigh { get; init; }
}

/// <summary>How responses are drawn.</summary>
public sealed record RolloutRecipe
{
    /// <summary>Prompts per step.</summary>
    [Meaning("Prompts per RL step.")]
    [Between(1, 100_000)]
    public int PromptsPerStep { get; init; } = 16;

    /// <summary>Group size.</summary>
    [Meaning("Responses drawn per prompt (the group).")]
    [Between(2, 1024)]
    public int Draws { get; init; } = 8;

    /// <summary>Response limit.</summary>
    [Meaning("Longest response in tokens.")]
    [Between(1, 131_072)]
    public int MaxNewTokens { get; init; } = 64;

    /// <summary>Temperature.</summary>
    [Meaning("Sampling temperature of rollouts.")]
    [Between(0.01, 10)]
    public double Temperature { get; init; } = 1;

    /// <summary>Refill tries.</summary>
    [Meaning("Batches drawn at most to fill a step when groups without signal are filtered; null for the preset's.")]
    [Between(1, 100)]
    public int? MaxBatchesPerStep { get; init; }
}

/// <summary>AdamW and its schedule.</summary>
public sealed record OptimizerRecipe
{
    /// <summary>Peak learning rate.</summary>
    [Meaning("Peak learning rate.")]
    [Between(0, 1)]
    public double LearningRate { get; init; } = 3e-4;

    /// <summary>Schedule.</summary>
    [Meaning("Learning-rate schedule over the run.")]
    [OneOf("constant", "cosine")]
    public string Schedule { get; init; } = "constant";

    /// <summary>Warm-up.</summary>
    [Meaning("Steps of linear warm-up.")]
    [Between(0, 1_000_000)]
    public int WarmupSteps { get; init; }

    /// <summary>Weight decay.</summary>
    [Meaning("Decoupled weight decay.")]
    [Between(0, 10)]
    public double WeightDecay { get; init; } = 0.01;

    /// <summary>First moment decay.</summary>
    [Meaning("Decay of the first moment.")]
    [Between(0, 0.999999)]
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Second moment decay.</summary>
    [Meaning("Decay of the second moment.")]
    [Between(0, 0.999999)]
    public double Beta2 { get; init; } = 0.99;

    /// <summary>Gradient norm limit.</summary>
    [Meaning("Global gradient norm above which gradients are scaled down.")]
    [Between(1e-6, 1e6)]
    public double MaxGradNorm { get; init; } = 1;

    /// <summary>Size of a pass.</summary>
    [Meaning("Tokens, prompts included, that go through the model in one pass of an update; the passes' gradients add up to exactly those of one pass.")]
    [Between(1, 10_000_000)]
    public int MaxTokensPerPass { get; init; } = 16_384;

    /// <summary>Updates per step.</summary>
    [Meaning("Optimizer updates per RL step; the step's groups are dealt over them (the first is on-policy, later ones are clipped).")]
    [Between(1, 64)]
    public int UpdatesPerStep { get; init; } = 1;
}

/// <summary>Held-out evaluation.</summary>
public sealed record EvaluationRecipe
{
    /// <summary>Draws per sample.</summary>
    [Meaning("Responses per held-out sample; their mean is the sample's reward.")]
    [Between(1, 256)]
    public int Draws { get; init; } = 2;

    /// <summary>Temperature.</summary>
    [Meaning("Sampling temperature of held-out responses; null for the rollout's. Greedy answers are evaluated beside it.")]
    [Between(0, 10)]
    public double? Temperature { get; init; }

    /// <summary>Transcripts.</summary>
    [Meaning("Held-out samples shown in the report with their image and both answers.")]
    [Between(0, 200)]
    public int Transcripts { get; init; } = 16;
}

/// <summary>Checkpoints during the run.</summary>
public sealed record CheckpointRecipe
{
    /// <summary>Interval.</summary>
    [Meaning("RL steps between checkpoints; an interrupt saves one at once.")]
    [Between(1, 1_000_000)]
    public int Every { get; init; } = 50;

    /// <summary>Kept.</summary>
    [Meaning("Newest checkpoints kept.")]
    [Between(1, 1000)]
    public int Keep { get; init; } = 2;
}
