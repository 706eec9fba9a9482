Console.WriteLine("medix");
