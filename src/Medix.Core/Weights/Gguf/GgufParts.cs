using System.Globalization;
using System.Text.RegularExpressions;
using Medix.Runs;

namespace Medix.Weights.Gguf;

/// <summary>
/// A GGUF model in one file or in parts named <c>…-00001-of-0000N.gguf</c>, as one: the first part's metadata, the tensors of all. Parts that are missing,
/// of another split, or that repeat a tensor are refused.
/// </summary>
public sealed partial class GgufParts : IDisposable
{
    private const string Number = "split.no";
    private const string Count = "split.count";
    private const string Total = "split.tensors.count";
    private const int MaxParts = 99999;

    private readonly List<GgufFile> _files = [];
    private readonly Dictionary<string, GgufFile> _owners = new(StringComparer.Ordinal);

    private GgufParts(string path) => Path = path;

    /// <summary>The file that was asked for.</summary>
    public string Path { get; }

    /// <summary>The metadata of the first part.</summary>
    public GgufMetadata Metadata => _files[0].Metadata;

    /// <summary>The files, in order.</summary>
    public IReadOnlyList<GgufFile> Files => _files;

    /// <summary>Names of all tensors, in the files' order.</summary>
    public IEnumerable<string> Names => _files.SelectMany(file => file.Order);

    /// <summary>Opens a model by its only file or by any of its parts.</summary>
    /// <exception cref="MedixException">A part is missing or wrong; the message names it.</exception>
    public static GgufParts Open(string path)
    {
        GgufParts parts = new(path);
        try
        {
            GgufFile asked = parts.Add(path);
            int count = asked.Metadata.Has(Count) ? asked.Metadata.Number(Count, 0, MaxParts) : 0;
            if (count > 1)
            {
                parts.AddOthers(path, count);
                parts.RequireTotal();
            }

            parts.Index();
            return parts;
        }
        catch
        {
            parts.Dispose();
            throw;
        }
    }

    /// <summary>Whether there is a tensor of this name.</summary>
    public bool Contains(string name) => _owners.ContainsKey(name);

    /// <summary>The tensor of this name.</summary>
    public GgufTensor Tensor(string name) => Owner(name).Tensors[name];

    /// <summary>Part of a tensor's values; see <see cref="GgufFile.ReadFloat32"/>.</summary>
    public void ReadFloat32(string name, long start, Span<float> values)
    {
        GgufFile file = Owner(name);
        file.ReadFloat32(file.Tensors[name], start, values);
    }

    /// <summary>Lets the system take a tensor's pages back.</summary>
    public void Release(string name)
    {
        GgufFile file = Owner(name);
        file.Release(file.Tensors[name]);
    }

    /// <summary>Unmaps all files.</summary>
    public void Dispose()
    {
        foreach (GgufFile file in _files)
        {
            file.Dispose();
        }

        _files.Clear();
        _owners.Clear();
    }

    private GgufFile Add(string path)
    {
        GgufFile file = GgufFile.Open(path);
        _files.Add(file);
        return file;
    }

    private void AddOthers(string path, int count)
    {
        Match name = PartName().Match(System.IO.Path.GetFileName(path));
        if (!name.Success || int.Parse(name.Groups["count"].ValueSpan, CultureInfo.InvariantCulture) != count)
        {
            throw new MedixException(
                $"{path}: the file is a part of {count} (key {Count}); expected a name that ends in -00001-of-{count:00000}.gguf, by which the others are found.");
        }

        GgufFile asked = _files[0];
        int number = asked.Metadata.Number(Number, 0, count - 1);
        _files.Clear();
        try
        {
            for (int i = 0; i < count; i++)
            {
                string part = System.IO.Path.Combine(
                    System.IO.Path.GetDirectoryName(path) ?? "", string.Create(CultureInfo.InvariantCulture, $"{name.Groups["stem"].Value}-{i + 1:00000}-of-{count:00000}.gguf"));
                GgufFile file = i == number && System.IO.Path.GetFullPath(part) == System.IO.Path.GetFullPath(path) ? Keep(asked) : Add(part);
                if (!file.Metadata.Has(Count) || file.Metadata.Number(Count, 0, MaxParts) != count || file.Metadata.Number(Number, 0, MaxParts) != i)
                {
                    throw new MedixException($"{part}: its {Number} and {Count} do not say that it is part {i + 1} of {count}, as its name does. Fetch all parts of one model.");
                }
            }
        }
        finally
        {
            if (!_files.Contains(asked))
            {
                asked.Dispose();
            }
        }
    }

    private GgufFile Keep(GgufFile file)
    {
        _files.Add(file);
        return file;
    }

    private void RequireTotal()
    {
        int expected = Metadata.Has(Total) ? Metadata.Number(Total, 0) : _files.Sum(file => file.Order.Count), found = _files.Sum(file => file.Order.Count);
        if (expected != found)
        {
            throw new MedixException($"{Path}: the parts have {found} tensors, but {Total} is {expected}. Fetch all parts of one model.");
        }
    }

    private void Index()
    {
        foreach (GgufFile file in _files)
        {
            foreach (string name in file.Order)
            {
                if (!_owners.TryAdd(name, file))
                {
                    throw new MedixException($"{file.Path}: tensor '{name}' is in '{_owners[name].Path}' too. Fetch all parts of one model.");
                }
            }
        }
    }

    private GgufFile Owner(string name) => _owners.TryGetValue(name, out GgufFile? file)
        ? file
        : throw new MedixException($"{Path}: there is no tensor '{name}' among its {_owners.Count}. Fetch or convert the file again.");

    [GeneratedRegex(@"^(?<stem>.+)-\d{5}-of-(?<count>\d{5})\.gguf$")]
    private static partial Regex PartName();
}
