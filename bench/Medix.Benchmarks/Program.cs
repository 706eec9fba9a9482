return args[0] switch { "update" => Medix.Benchmarks.Training.UpdateBenchmark.Run(args[1..]), _ => 1 };
