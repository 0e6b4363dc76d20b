import torch
import trimesh

from scene3d.geometry.neighbourhood import mean_over_edges, mesh_edges, near_edges, oriented_sum_over_edges
from scene3d_ops import knn


def test_mesh_edges_are_those_of_trimesh():
    mesh = trimesh.creation.icosphere(subdivisions=1)
    found = mesh_edges(torch.tensor(mesh.faces).long(), len(mesh.vertices))
    assert {tuple(e) for e in found.tolist()} == {tuple(sorted(e)) for e in mesh.edges_unique.tolist()}
    assert len(found) == len(mesh.edges_unique)


def test_near_edges_join_points_to_their_neighbours_once():
    row = torch.tensor([[0.0, 0, 0], [1, 0, 0], [3, 0, 0]])
    index, _ = knn(row, 2)
    assert near_edges(index).tolist() == [[0, 1], [1, 2]]


def test_rounds_of_averaging_worked_by_hand():
    edge = torch.tensor([[0, 1], [1, 2]])
    value = torch.tensor([[0.0], [3.0], [6.0], [9.0]])
    assert mean_over_edges(value, edge, rounds=0).equal(value)
    assert mean_over_edges(value, edge, rounds=1)[:, 0].tolist() == [1.5, 3.0, 4.5, 9.0]
    assert mean_over_edges(value, edge, rounds=2)[:, 0].tolist() == [2.25, 3.0, 3.75, 9.0]


def test_the_sign_of_a_neighbour_does_not_matter():
    edge = torch.tensor([[0, 1], [0, 2], [1, 2]])
    normal = torch.nn.functional.normalize(torch.tensor([[0.0, 0.1, 1], [0.1, 0, 1], [0, 0, 1]]), dim=1)
    flipped = normal * torch.tensor([[1.0], [-1.0], [1.0]])
    plain, other = oriented_sum_over_edges(normal, edge), oriented_sum_over_edges(flipped, edge)
    torch.testing.assert_close(other.abs(), plain.abs())
